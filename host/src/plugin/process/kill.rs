//! Ending a program together with everything it started.

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};

/// Kills and reaps every descendant of this process; returns when there is none.
///
/// `setsid` and double forks do not help a descendant: this process is the child subreaper, so an
/// orphan becomes its child. New ones may be born while the list is read, hence the loop: it ends
/// when the kernel says that no child is left (wait(2), ECHILD), not when a list was empty.
#[cfg(target_os = "linux")]
pub(super) fn kill_descendants(_program: Pid, mut reaped: impl FnMut(Pid, WaitStatus)) {
    use std::time::Duration;

    /// Between two looks at processes that are killed and not dead yet: shorter than the time it
    /// takes to tear down a process, long enough not to compete with it for the processor.
    const PAUSE: Duration = Duration::from_millis(1);

    while reap(&mut reaped) {
        for_each_descendant(|pid| {
            // Already gone is as good as killed.
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        });
        if reap(&mut reaped) {
            std::thread::sleep(PAUSE);
        }
    }
}

/// Kills the program's process group and reaps: other systems have no subreaper.
#[cfg(not(target_os = "linux"))]
pub(super) fn kill_descendants(program: Pid, mut reaped: impl FnMut(Pid, WaitStatus)) {
    let _ = rustix::process::kill_process_group(program, Signal::KILL);
    while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::empty()) {
        reaped(pid, status);
    }
}

/// Kills what a lost supervisor left: its session, which holds the program and everything it started
/// that did not leave by `setsid`. The supervisor must not have been waited for yet, so that its number
/// still is its session's.
#[cfg(target_os = "linux")]
pub(super) fn kill_orphans(supervisor: Pid, _program: Option<Pid>) {
    let session = supervisor.as_raw_pid().unsigned_abs();
    let mut killed = std::collections::HashSet::new();
    // Again until a look finds nobody new: one that was about to fork may have.
    loop {
        let before = killed.len();
        for_each_process(|pid, stat| {
            if stat.session == session && killed.insert(pid) {
                // Already gone is as good as killed.
                let _ = rustix::process::kill_process(pid, Signal::KILL);
            }
        });
        if killed.len() == before {
            return;
        }
    }
}

/// Kills what a lost supervisor left: the program's process group, if it got that far.
#[cfg(not(target_os = "linux"))]
pub(super) fn kill_orphans(_supervisor: Pid, program: Option<Pid>) {
    if let Some(program) = program {
        let _ = rustix::process::kill_process_group(program, Signal::KILL);
    }
}

/// Reaps what has ended, without waiting. Whether a child is left.
pub(super) fn reap(reaped: &mut impl FnMut(Pid, WaitStatus)) -> bool {
    loop {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) => reaped(pid, status),
            Ok(None) => return true,
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return false,
        }
    }
}

/// Calls `found` for descendants of this process, parents before children.
///
/// From `/proc/PID/stat` rather than `/proc/PID/task/TID/children`, which not every kernel has and
/// which may skip a child while others die (proc_tid_children(5)). `/proc` lists in ascending order
/// and children mostly have higher numbers than their parents, so one reading finds nearly all, and
/// `found` is called right after each is seen, before its number can mean another process.
#[cfg(target_os = "linux")]
fn for_each_descendant(mut found: impl FnMut(Pid)) {
    let mut family = std::collections::HashSet::from([std::process::id()]);
    for_each_process(|pid, stat| {
        if family.contains(&stat.parent) {
            family.insert(pid.as_raw_pid().unsigned_abs());
            found(pid);
        }
    });
}

#[cfg(target_os = "linux")]
fn for_each_process(mut found: impl FnMut(Pid, Stat)) {
    let Ok(entries) = std::fs::read_dir("/proc") else { return };
    for entry in entries.flatten() {
        let number = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if let Some(pid) = number.and_then(Pid::from_raw)
            && let Some(stat) = Stat::of(pid)
        {
            found(pid, stat);
        }
    }
}

/// What is needed of `/proc/PID/stat`.
#[cfg(target_os = "linux")]
pub(super) struct Stat {
    /// The parent's process id.
    parent: u32,
    /// The session.
    session: u32,
    /// When it started, in clock ticks since boot.
    pub(super) start_time: u64,
}

#[cfg(target_os = "linux")]
impl Stat {
    /// Reads it; none if the process is gone.
    pub(super) fn of(pid: Pid) -> Option<Self> {
        Self::parse(&std::fs::read(format!("/proc/{}/stat", pid.as_raw_pid())).ok()?)
    }

    /// proc_pid_stat(5): `pid (name) state ppid pgrp session …`, where the name may hold spaces and
    /// parentheses, so fields are counted from the last `)`; the start time is field 22.
    fn parse(stat: &[u8]) -> Option<Self> {
        let after_name = stat.iter().rposition(|&byte| byte == b')')? + 1;
        let fields = std::str::from_utf8(&stat[after_name..]).ok()?;
        let mut fields = fields.split_ascii_whitespace();
        let parent = fields.nth(1)?.parse().ok()?;
        let session = fields.nth(1)?.parse().ok()?;
        let start_time = fields.nth(15)?.parse().ok()?;
        Some(Self { parent, session, start_time })
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_past_a_name_with_parentheses() {
        let line = b"77 (a) b (c) S 42 78 79 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 2 3\n";
        let stat = Stat::parse(line).expect("a stat line");
        assert_eq!((stat.parent, stat.session, stat.start_time), (42, 79, 98765));
    }

    #[test]
    fn this_process_has_a_parent_and_a_start_time() {
        let stat = Stat::of(rustix::process::getpid()).expect("the stat of this process");
        assert!(stat.parent > 0 && stat.start_time > 0);
    }
}
