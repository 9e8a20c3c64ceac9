//! Who is at the command line: from the real uid, never from the environment, which anybody may set.

/// `os:NAME`, or `os:UID` where the user has no name here.
pub fn identity() -> String {
    let uid = rustix::process::getuid().as_raw();
    let name = std::fs::read_to_string("/etc/passwd").ok().and_then(|text| name_of(&text, uid));
    format!("os:{}", name.unwrap_or_else(|| uid.to_string()))
}

/// passwd(5): `name:password:uid:…`.
fn name_of(passwd: &str, uid: u32) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let id: u32 = fields.nth(1)?.parse().ok()?;
        (id == uid && !name.is_empty()).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_by_its_uid() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nbroken\n:x:7:\nalice:x:1000:1000::/:/bin/sh\n";
        assert_eq!(name_of(passwd, 1000).as_deref(), Some("alice"));
        assert_eq!(name_of(passwd, 0).as_deref(), Some("root"));
        assert_eq!(name_of(passwd, 7), None);
        assert_eq!(name_of(passwd, 42), None);
    }
}
