//! Whether a program that a call started still runs.

use crate::domain::clock::Uptime;

/// A program as it was written down when it started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its process id, which is used again after it ended.
    pub pid: u32,
    /// When it started, in clock ticks since the machine did (proc_pid_stat(5), field 22): no two
    /// processes of one start of the machine have both numbers in common.
    pub start_time: u64,
    /// Which start of the machine that was.
    pub boot: String,
    /// The isolation in force, in the words of the process capability. Only the journal keeps it.
    pub isolation: String,
}

impl Program {
    /// Whether it still runs. One that was started before the machine was is gone; so is one that ended
    /// and whose parent has not noticed. Where the system does not say what runs, none does.
    pub(super) fn is_alive(&self, now: Option<&Uptime>) -> bool {
        if now.is_none_or(|now| now.boot != self.boot) {
            return false;
        }
        let stat = std::fs::read(format!("/proc/{}/stat", self.pid));
        stat.is_ok_and(|stat| start_of_living(&stat) == Some(self.start_time))
    }
}

/// The start of a process, from its line in `/proc`; `None` where it has ended and is only listed. The
/// name in the line may hold spaces and parentheses, so fields are counted from the last `)`.
fn start_of_living(stat: &[u8]) -> Option<u64> {
    let after_name = stat.iter().rposition(|&byte| byte == b')')? + 1;
    let fields = std::str::from_utf8(stat.get(after_name..)?).ok()?;
    let mut fields = fields.split_ascii_whitespace();
    if matches!(fields.next()?, "Z" | "X" | "x") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_has_ended_is_not_alive_however_long_it_is_listed() {
        let line = |state: &str| {
            format!("7 (a) b (c) {state} 2 7 7 0 -1 4 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 2\n")
        };
        assert_eq!(start_of_living(line("S").as_bytes()), Some(98765));
        assert_eq!(start_of_living(line("T").as_bytes()), Some(98765));
        assert_eq!(start_of_living(line("Z").as_bytes()), None);
        assert_eq!(start_of_living(b""), None);
        assert_eq!(start_of_living(b"7 (sh"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_very_process_is_alive_and_another_one_of_its_number_is_not() {
        let stat = std::fs::read("/proc/self/stat").unwrap_or_default();
        let Some(start_time) = start_of_living(&stat) else { panic!("no start") };
        let boot = "b".to_owned();
        let now = Uptime { boot: boot.clone(), microseconds: 0 };
        let isolation = String::new();
        let this = Program { pid: std::process::id(), start_time, boot, isolation };
        assert!(this.is_alive(Some(&now)));
        assert!(!this.is_alive(None));
        assert!(!this.is_alive(Some(&Uptime { boot: "c".into(), microseconds: 0 })));
        let other = Program { start_time: start_time + 1, ..this };
        assert!(!other.is_alive(Some(&now)));
    }
}
