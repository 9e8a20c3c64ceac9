//! What a page is asked about a call, and by which name it answers.

use crate::domain::ids::{CallId, RunId};
use crate::domain::tool_call::CallState;
use crate::json;
use crate::store::CallRecord;
use serde_json::Value;
use std::fmt;

/// The name of one question: `RUN.CALL.VERSION`, for pages an opaque text. What was asked anew has
/// another version, so that an answer is to what its person was shown, or to nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::http) struct QuestionId {
    pub(in crate::http) run: RunId,
    pub(in crate::http) call: CallId,
    /// Absent where no person was asked before its outcome became unknown.
    pub(in crate::http) version: Option<i64>,
}

impl QuestionId {
    /// The question that a call poses as it stands.
    pub(in crate::http) fn of(call: &CallRecord) -> Self {
        Self { run: call.run.clone(), call: call.id.clone(), version: call.request }
    }

    /// Reads one; `None` where we never gave such a name.
    pub(in crate::http) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let run = RunId::parse(parts.next()?).ok()?;
        let call = CallId::parse(parts.next()?).ok()?;
        let version = match parts.next() {
            // One name for each question: no sign, and no zero in front.
            Some(digits) => {
                let version = digits.parse::<i64>().ok()?;
                Some(version).filter(|version| version.to_string() == digits)
            }
            None => return Some(Self { run, call, version: None }),
        };
        (version.is_some() && parts.next().is_none()).then_some(Self { run, call, version })
    }
}

impl fmt::Display for QuestionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.run, self.call)?;
        match self.version {
            Some(version) => write!(f, ".{version}"),
            None => Ok(()),
        }
    }
}

/// Whether a person has to say something about the call before its run can go on.
pub(in crate::http) fn undecided(call: &CallRecord) -> bool {
    matches!(call.state, CallState::Waiting | CallState::Unknown) && !call.told
}

/// What a person decides by: what `GET /v1/approvals/{run}` gives of the call, and its run.
pub(in crate::http) fn shown(call: &CallRecord) -> Value {
    let mut shown = json::pending(call);
    shown["run_id"] = call.run.as_str().into();
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = "run_aaaaaaaaaaaa";
    const CALL: &str = "call_aaaaaaaaaa";

    #[test]
    fn a_name_is_read_back() {
        for version in [None, Some(1), Some(i64::MAX)] {
            let run = RunId::parse(RUN).unwrap();
            let id = QuestionId { run, call: CallId::parse(CALL).unwrap(), version };
            assert_eq!(QuestionId::parse(&id.to_string()), Some(id));
        }
    }

    #[test]
    fn what_we_never_gave_is_no_name() {
        for text in [
            String::new(),
            ".".into(),
            "..".into(),
            RUN.into(),
            CALL.into(),
            format!("{RUN}."),
            format!("{CALL}.{RUN}"),
            format!("{RUN}.{CALL}."),
            format!("{RUN}.{CALL}.x"),
            format!("{RUN}.{CALL}.+1"),
            format!("{RUN}.{CALL}.01"),
            format!("{RUN}.{CALL}.99999999999999999999"),
            format!("{RUN}.{CALL}.1."),
            format!("{RUN}.{CALL}.1.1"),
            format!(" {RUN}.{CALL}.1"),
            format!("{}.{CALL}.1", &RUN[..10]),
            format!("{RUN}.{}.1", &CALL[..10]),
        ] {
            assert_eq!(QuestionId::parse(&text), None, "{text}");
        }
    }
}
