//! Exit codes, in one place.

use crate::ops::OpError;
use crate::runner::Ended;
use crate::store::{Conflict, StoreError};
use std::process::ExitCode;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// It failed, or this person may not do it.
    Failed,
    /// Paused, paused again, or decisions outstanding.
    Paused,
    /// Already decided, owned elsewhere, or a call whose outcome is unknown needs a choice.
    Conflict,
    /// There is no such run or call.
    UnknownId,
    /// The command line cannot be understood (sysexits' EX_USAGE).
    Usage,
    /// The role is invalid (sysexits' EX_DATAERR).
    InvalidRole,
    /// The run was interrupted and can be resumed (sysexits' EX_TEMPFAIL).
    Interrupted,
    /// SIGINT: 128 + 2, as shells report it.
    Sigint,
}

/// Every code and what it means.
const EXIT_CODES: [(Exit, u8, &str); 9] = [
    (Exit::Done, 0, "done"),
    (Exit::Failed, 1, "failed, or not permitted"),
    (Exit::Paused, 2, "paused, paused again, or decisions outstanding"),
    (Exit::Conflict, 3, "already decided, owned elsewhere, or an unknown outcome needs a choice"),
    (Exit::UnknownId, 4, "unknown run or call"),
    (Exit::Usage, 64, "usage"),
    (Exit::InvalidRole, 65, "invalid role"),
    (Exit::Interrupted, 75, "interrupted and resumable"),
    (Exit::Sigint, 130, "SIGINT"),
];

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        EXIT_CODES.iter().find(|(exit, ..)| *exit == self).map_or(1, |(_, code, _)| *code)
    }

    /// The code of a run that ended like this.
    pub fn of_ended(ended: &Ended) -> Self {
        match ended {
            Ended::Paused => Self::Paused,
            Ended::Completed { .. } => Self::Done,
            Ended::Failed { .. } => Self::Failed,
            Ended::Interrupted { stopped: true, .. } => Self::Sigint,
            Ended::Interrupted { stopped: false, .. } => Self::Interrupted,
        }
    }

    /// The code of an operation that gave nothing.
    pub fn of_error(error: &OpError) -> Self {
        match error {
            OpError::Role { .. } | OpError::MissingVariables { .. } => Self::InvalidRole,
            OpError::Model(error) if error.is_role_fault() => Self::InvalidRole,
            OpError::Config { .. }
            | OpError::Component(_)
            | OpError::Model(_)
            | OpError::NotPersisted
            | OpError::Setup { .. } => Self::Failed,
            OpError::UnknownRun(_)
            | OpError::UnknownCall { .. }
            | OpError::Calls { .. }
            | OpError::Ambiguous { .. }
            | OpError::Id(_) => Self::UnknownId,
            // Nobody was first: this person may not, and trying again does not change that.
            OpError::Conflict(Conflict::NotAReviewer { .. } | Conflict::IsRequester { .. })
            | OpError::Edit { .. }
            | OpError::RefusedByPolicy { .. } => Self::Failed,
            OpError::Conflict(_)
            | OpError::UnknownOutcome(_)
            | OpError::Store(StoreError::Fenced(_)) => Self::Conflict,
            OpError::Undecided { .. } => Self::Paused,
            OpError::Store(_) => Self::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use std::fmt::Write as _;

    #[test]
    fn the_codes_are_a_contract() {
        let mut table = String::new();
        for (exit, code, meaning) in EXIT_CODES {
            let _ = writeln!(table, "{code:3} {exit:?}: {meaning}");
        }
        expect![[r#"
              0 Done: done
              1 Failed: failed, or not permitted
              2 Paused: paused, paused again, or decisions outstanding
              3 Conflict: already decided, owned elsewhere, or an unknown outcome needs a choice
              4 UnknownId: unknown run or call
             64 Usage: usage
             65 InvalidRole: invalid role
             75 Interrupted: interrupted and resumable
            130 Sigint: SIGINT
        "#]]
        .assert_eq(&table);
    }
}
