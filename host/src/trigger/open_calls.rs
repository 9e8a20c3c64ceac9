//! What is told of calls that need people: how many there are, and the command that decides about them. The
//! same words wherever somebody is told.

use crate::domain::ids::RunId;
use crate::domain::tool_call::CallState;
use crate::store::CallRecord;

/// How many of some calls of a run need people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OpenCalls {
    /// Those that wait for approval.
    waiting: usize,
    /// Those that were started and of which nobody knows whether they happened.
    unknown: usize,
}

impl OpenCalls {
    /// Counts them.
    pub(super) fn of<'c>(calls: impl Iterator<Item = &'c CallRecord>) -> Self {
        calls.fold(Self { waiting: 0, unknown: 0 }, |mut counted, call| {
            counted.waiting += usize::from(call.state == CallState::Waiting);
            counted.unknown += usize::from(call.state == CallState::Unknown);
            counted
        })
    }

    /// The command that decides about them; `None` where none needs anybody. About a call that may have happened
    /// nothing is said for all at once: that command asks for a choice.
    pub(super) fn command(self, run: &RunId) -> Option<String> {
        match self {
            Self { waiting: 1.., .. } => Some(format!("initrunner approve {run} --all")),
            Self { unknown: 1.., .. } => Some("initrunner recover".to_owned()),
            _ => None,
        }
    }

    /// The sentences; `None` where none needs anybody. Where runs are not written down, no command helps.
    pub(super) fn told(self, run: &RunId, persists: bool) -> Option<String> {
        let Self { waiting, unknown } = self;
        let mut lines = Vec::new();
        if waiting > 0 {
            let waits = format!("Awaiting approval for {waiting} tool call(s)");
            lines.push(match persists {
                true => format!("{waits}. Resume: initrunner approve {run} --all"),
                false => format!(
                    "{waits}; the run is not persisted (--no-audit), so it cannot be resumed"
                ),
            });
        }
        if unknown > 0 {
            let stands = format!("The outcome of {unknown} tool call(s) of run {run} is not known");
            lines.push(match persists {
                true => format!("{stands}. Choose: initrunner recover"),
                false => stands,
            });
        }
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    #[track_caller]
    fn check(waiting: usize, unknown: usize, persists: bool, expected: Expect) {
        let run = RunId::from_random([7; 16]);
        let waits = OpenCalls { waiting, unknown };
        let told = (waits.told(&run, persists), waits.command(&run));
        expected.assert_eq(&format!("{}\n{:?}", told.0.unwrap_or_default(), told.1));
    }

    #[test]
    fn what_waits_and_what_nobody_knows_have_each_their_command() {
        check(
            2,
            0,
            true,
            expect![[r#"
            Awaiting approval for 2 tool call(s). Resume: initrunner approve run_obyha4dqobyh --all
            Some("initrunner approve run_obyha4dqobyh --all")"#]],
        );
        check(
            0,
            1,
            true,
            expect![[r#"
            The outcome of 1 tool call(s) of run run_obyha4dqobyh is not known. Choose: initrunner recover
            Some("initrunner recover")"#]],
        );
        check(
            1,
            1,
            true,
            expect![[r#"
            Awaiting approval for 1 tool call(s). Resume: initrunner approve run_obyha4dqobyh --all
            The outcome of 1 tool call(s) of run run_obyha4dqobyh is not known. Choose: initrunner recover
            Some("initrunner approve run_obyha4dqobyh --all")"#]],
        );
        check(
            1,
            0,
            false,
            expect![[r#"
            Awaiting approval for 1 tool call(s); the run is not persisted (--no-audit), so it cannot be resumed
            Some("initrunner approve run_obyha4dqobyh --all")"#]],
        );
        check(
            0,
            0,
            true,
            expect![[r#"

            None"#]],
        );
    }
}
