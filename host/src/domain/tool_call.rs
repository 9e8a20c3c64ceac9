//! A tool call's state machine: an event consumes a state and gives the next, or is refused.

use std::fmt;

/// The result of a call whose outcome is not known, where a person has the model told so.
pub const UNKNOWN_RESULT: &str = "the outcome of this call is not known: the program stopped while it \
     ran, so it may or may not have happened; find out before doing it again";

/// The result of a call that a run of a conversation left behind when it ended, for the run that follows.
pub const NOT_EXECUTED: &str = "this call was not executed: the run that asked for it ended first";

/// How often a call is started in all, before a person is asked whether to try again: what failed three
/// times in a way that took its process with it will do so again.
pub const MOST_ATTEMPTS: u32 = 3;

/// Who refused a call before any person was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefusedBy {
    /// The arguments, or the tool's name, cannot be right.
    Arguments,
    /// A policy.
    Policy,
    /// The role's permissions.
    Permission,
    /// The component itself, in `prepare`.
    Component,
}

/// Where a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallState {
    /// The model asked; the gate has not answered.
    Proposed,
    /// Refused before any person was asked.
    Refused(RefusedBy),
    /// A person must decide.
    Waiting,
    /// Admitted without a person.
    Ready,
    /// A person said yes, and nothing has happened yet.
    Approved,
    /// A person said no.
    Denied,
    /// Nobody decided in time.
    Expired,
    /// Written down before the component was invoked.
    Started,
    /// The component gave a result.
    Succeeded,
    /// The component, or the host for it, gave a failure.
    Failed,
    /// It was started, and whether it happened cannot be known.
    Unknown,
}

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallEvent {
    /// The gate refused it.
    Refuse(RefusedBy),
    /// The gate wants a person to decide, for the first time or again.
    Ask,
    /// The gate admitted it without a person.
    Admit,
    /// A person approved it.
    Approve,
    /// A person denied it.
    Deny,
    /// Its time ran out.
    Expire,
    /// It is about to be invoked.
    Start,
    /// It gave a result.
    Succeed,
    /// It failed.
    Fail,
    /// Its owner died after `Start` and before a result was written.
    LoseTrack,
    /// A person, or the role's own word, lets an unknown call be tried again.
    Retry,
    /// A person has the model told that the outcome is unknown.
    ReportUnknown,
}

/// An event that a state does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a call that is {state} cannot be changed by `{event:?}`")]
pub struct WrongState {
    /// The state that stays.
    pub state: CallState,
    /// The event refused.
    pub event: CallEvent,
}

impl CallState {
    /// Every state, for tables and tests.
    pub const ALL: [CallState; 14] = [
        CallState::Proposed,
        CallState::Refused(RefusedBy::Arguments),
        CallState::Refused(RefusedBy::Policy),
        CallState::Refused(RefusedBy::Permission),
        CallState::Refused(RefusedBy::Component),
        CallState::Waiting,
        CallState::Ready,
        CallState::Approved,
        CallState::Denied,
        CallState::Expired,
        CallState::Started,
        CallState::Succeeded,
        CallState::Failed,
        CallState::Unknown,
    ];

    /// The state after `event`.
    ///
    /// # Errors
    /// [`WrongState`] where the event cannot happen in this state.
    pub const fn after(self, event: CallEvent) -> Result<CallState, WrongState> {
        use CallEvent as E;
        use CallState as S;
        Ok(match (self, event) {
            (S::Proposed | S::Ready | S::Approved, E::Refuse(by)) => S::Refused(by),
            (S::Proposed | S::Ready | S::Approved, E::Ask) => S::Waiting,
            (S::Proposed | S::Ready, E::Admit) => S::Ready,
            (S::Waiting, E::Approve) => S::Approved,
            (S::Waiting, E::Deny) => S::Denied,
            (S::Waiting, E::Expire) => S::Expired,
            (S::Ready | S::Approved, E::Start) => S::Started,
            (S::Started, E::Succeed) => S::Succeeded,
            (S::Started, E::Fail) => S::Failed,
            (S::Started, E::LoseTrack) => S::Unknown,
            (S::Unknown, E::Retry) => S::Approved,
            (S::Unknown, E::ReportUnknown) => S::Failed,
            (state, event) => return Err(WrongState { state, event }),
        })
    }

    /// Whether the call has its one result.
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            CallState::Refused(_)
                | CallState::Denied
                | CallState::Expired
                | CallState::Succeeded
                | CallState::Failed
        )
    }

    /// The word stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            CallState::Proposed => "proposed",
            CallState::Refused(RefusedBy::Arguments) => "refused by arguments",
            CallState::Refused(RefusedBy::Policy) => "refused by policy",
            CallState::Refused(RefusedBy::Permission) => "refused by permission",
            CallState::Refused(RefusedBy::Component) => "refused by component",
            CallState::Waiting => "waiting",
            CallState::Ready => "ready",
            CallState::Approved => "approved",
            CallState::Denied => "denied",
            CallState::Expired => "expired",
            CallState::Started => "started",
            CallState::Succeeded => "succeeded",
            CallState::Failed => "failed",
            CallState::Unknown => "unknown",
        }
    }

    /// Reads the stored word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

impl fmt::Display for CallState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_reads_back_from_its_word() {
        for state in CallState::ALL {
            assert_eq!(CallState::parse(state.as_str()), Some(state));
        }
    }

    #[test]
    fn only_an_admitted_or_approved_call_starts() {
        for state in CallState::ALL {
            let starts = state.after(CallEvent::Start).is_ok();
            assert_eq!(starts, matches!(state, CallState::Ready | CallState::Approved), "{state}");
        }
    }

    #[test]
    fn only_a_waiting_call_is_decided() {
        for state in CallState::ALL {
            for event in [CallEvent::Approve, CallEvent::Deny, CallEvent::Expire] {
                assert_eq!(state.after(event).is_ok(), state == CallState::Waiting, "{state}");
            }
        }
    }

    #[test]
    fn a_result_is_final() {
        let events = [
            CallEvent::Refuse(RefusedBy::Policy),
            CallEvent::Ask,
            CallEvent::Admit,
            CallEvent::Approve,
            CallEvent::Deny,
            CallEvent::Expire,
            CallEvent::Start,
            CallEvent::Succeed,
            CallEvent::Fail,
            CallEvent::LoseTrack,
            CallEvent::Retry,
            CallEvent::ReportUnknown,
        ];
        for state in CallState::ALL.into_iter().filter(|s| s.is_final()) {
            for event in events {
                assert!(state.after(event).is_err(), "{state} {event:?}");
            }
        }
    }
}
