//! Output whose ids, times, folder and user are the same in every run of a test.
//!
//! Each id becomes `RUN`, `CALL`, `RUN2`, … in the order they were first seen, filled up with `_` to the
//! length that ids have, so that tables keep their shape.

use initrunner::plugin::process::available_isolation;
use std::path::Path;

/// The alphabet of ids: RFC 4648 base32 in lower case.
fn is_of_id(c: char) -> bool {
    matches!(c, 'a'..='z' | '2'..='7')
}

/// What stands for what, in one state folder.
#[derive(Debug, Default)]
pub struct Placeholders {
    runs: Vec<String>,
    calls: Vec<String>,
    owners: Vec<String>,
}

impl Placeholders {
    /// The text with everything replaced that differs between two runs of a test.
    pub fn hide(&mut self, text: &str, folder: &Path) -> String {
        let text = text.replace(&folder.display().to_string(), "FOLDER");
        let text = text.replace(&initrunner::ops::identity(), "os:USER");
        // What the kernel that the tests run on can do.
        let isolation = |words: &str| format!("isolation of its programs: {words}");
        let text = [false, true].into_iter().fold(text, |text, network| {
            let words = available_isolation(network);
            text.replace(&isolation(&words), &isolation("ISOLATION"))
        });
        let text = text.replace("    this system cannot isolate the programs that it runs\n", "");
        let text = hide_conversations(&hide_codes(&hide_digests(&text)));
        let mut shown = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(c) = rest.chars().next() {
            if let Some((placeholder, length)) = self
                .id(rest, "run_", 12)
                .or_else(|| time(rest))
                .or_else(|| number(rest, shown.chars().last()))
            {
                shown.push_str(&placeholder);
                rest = &rest[length..];
            } else if let Some((placeholder, length)) =
                self.id(rest, "call_", 10).or_else(|| self.id(rest, "own_", 12))
            {
                shown.push_str(&placeholder);
                rest = &rest[length..];
            } else {
                shown.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
        shown
    }

    /// The id that `RUN`, `CALL2`, … stands for; any other text as it is.
    ///
    /// # Panics
    /// No such id was seen yet.
    pub fn reveal(&self, word: &str) -> String {
        for (name, ids) in [("RUN", &self.runs), ("CALL", &self.calls)] {
            let Some(number) = word.strip_prefix(name) else { continue };
            let index = if number.is_empty() { Some(1) } else { number.parse::<usize>().ok() };
            if let Some(index) = index {
                let id = index.checked_sub(1).and_then(|index| ids.get(index));
                return id.unwrap_or_else(|| panic!("no `{word}` was printed yet")).clone();
            }
        }
        word.to_owned()
    }

    fn id(&mut self, text: &str, prefix: &str, length: usize) -> Option<(String, usize)> {
        let rest = text.strip_prefix(prefix)?;
        if rest.chars().take(length).filter(|c| is_of_id(*c)).count() < length {
            return None;
        }
        let whole = prefix.len() + length;
        let id = &text[..whole];
        let (name, ids) = match prefix {
            "run_" => ("RUN", &mut self.runs),
            "call_" => ("CALL", &mut self.calls),
            _ => ("OWNER", &mut self.owners),
        };
        let index = ids.iter().position(|known| known == id).unwrap_or_else(|| {
            ids.push(id.to_owned());
            ids.len() - 1
        });
        let number = if index == 0 { String::new() } else { (index + 1).to_string() };
        Some((format!("{:_<whole$}", format!("{name}{number}")), whole))
    }
}

/// `sha256:` and what follows.
fn hide_digests(text: &str) -> String {
    let mut parts = text.split("sha256:");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |shown, part| {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_hexdigit());
        shown + "sha256:DIGEST" + rest
    })
}

/// Names that conversations are given.
fn hide_conversations(text: &str) -> String {
    const DIGITS: usize = 12;
    let mut parts = text.split("talk-");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |shown, part| {
        let is_name =
            part.len() >= DIGITS && part.bytes().take(DIGITS).all(|b| b.is_ascii_hexdigit());
        match is_name {
            true => shown + "talk-NAME________" + &part[DIGITS..],
            false => shown + "talk-" + part,
        }
    })
}

/// Codes of events: words of 64 hexadecimal digits.
fn hide_codes(text: &str) -> String {
    let code = |word: &str| word.len() == 64 && word.bytes().all(|b| b.is_ascii_hexdigit());
    let words = text.split_inclusive(|c: char| !c.is_ascii_alphanumeric());
    let hidden = words.map(|word| {
        let bare = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        if code(bare) { format!("CODE{}", &word[bare.len()..]) } else { word.to_owned() }
    });
    hidden.collect()
}

/// `2026-04-24T14:21:08`, with or without a fraction and `Z`.
fn time(text: &str) -> Option<(String, usize)> {
    const SHAPE: &str = "dddd-dd-ddTdd:dd:dd";
    let fits =
        |(c, shape): (char, char)| if shape == 'd' { c.is_ascii_digit() } else { c == shape };
    let pairs = || text.chars().zip(SHAPE.chars());
    if pairs().count() < SHAPE.len() || !pairs().all(fits) {
        return None;
    }
    let mut length = SHAPE.len();
    let after = &text[length..];
    let fraction = after
        .strip_prefix('.')
        .map_or(0, |digits| 1 + digits.chars().take_while(char::is_ascii_digit).count());
    if after[fraction..].starts_with('Z') {
        length += fraction + 1;
    }
    Some((format!("{:_<length$}", "TIME"), length))
}

/// Seconds with a fraction, microseconds, and processes: `0.3 s`, `120 µs`, `pid 4711`.
fn number(text: &str, before: Option<char>) -> Option<(String, usize)> {
    if before.is_some_and(char::is_alphanumeric) {
        return None;
    }
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).count();
    if let Some(rest) = text.strip_prefix("pid ") {
        return (digits(rest) > 0).then(|| ("pid PID".to_owned(), 4 + digits(rest)));
    }
    let whole = digits(text);
    if whole > 0 && text[whole..].starts_with(" µs") {
        return Some(("MICROSECONDS".to_owned(), whole + " µs".len()));
    }
    let rest = text[whole..].strip_prefix('.')?;
    let part = digits(rest);
    let fits = whole > 0 && part > 0 && rest[part..].starts_with(" s");
    fits.then(|| ("SECONDS".to_owned(), whole + 1 + part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_times_and_the_folder_are_replaced_and_all_else_stays() {
        let mut placeholders = Placeholders::default();
        let text = "run_aaaaaaaaaaaa run_bbbbbbbbbbbb run_aaaaaaaaaaaa call_aaaaaaaaaa run_short é \
                    2026-04-24T14:21:08.947991Z 2026-04-24T14:21:08 /tmp/x/role.yaml 0.3 s 7 µs 2.5 MB (pid 47) sha256:0af3.";
        assert_eq!(
            placeholders.hide(text, Path::new("/tmp/x")),
            "RUN_____________ RUN2____________ RUN_____________ CALL___________ run_short é \
             TIME_______________________ TIME_______________ FOLDER/role.yaml SECONDS s MICROSECONDS 2.5 MB (pid PID) sha256:DIGEST."
        );
        assert_eq!(placeholders.reveal("RUN2"), "run_bbbbbbbbbbbb");
        assert_eq!(placeholders.reveal("RUNNER"), "RUNNER");
    }
}
