//! Which texts of a record came from outside: from a model, a component or a person. These are the ones
//! in which a secret may stand, and that are sealed on their way into a store.

use super::{
    Admission, AfterTurn, CallDecision, CallOutcome, CallRecord, DecisionRequest, Edited, NewCall,
    NewRun, Readmission, RunEnd, StoredRun, TurnRecord,
};
use crate::domain::approval::Preview;
use crate::domain::decision::{Decision, Resolver};
use crate::domain::message::Message;
use crate::domain::secret::any_shape;

/// Something that holds texts from outside.
pub trait Texts {
    /// Visits each of them, until `visit` fails.
    ///
    /// # Errors
    /// What `visit` says.
    fn each_text<E>(&mut self, visit: &mut Visit<'_, E>) -> Result<(), E>;
}

/// What is done with each text.
pub type Visit<'v, E> = dyn FnMut(&mut String) -> Result<(), E> + 'v;

impl Texts for String {
    fn each_text<E>(&mut self, visit: &mut Visit<'_, E>) -> Result<(), E> {
        visit(self)
    }
}

impl<T: Texts> Texts for Option<T> {
    fn each_text<E>(&mut self, visit: &mut Visit<'_, E>) -> Result<(), E> {
        self.iter_mut().try_for_each(|it| it.each_text(visit))
    }
}

impl<T: Texts> Texts for Vec<T> {
    fn each_text<E>(&mut self, visit: &mut Visit<'_, E>) -> Result<(), E> {
        self.iter_mut().try_for_each(|it| it.each_text(visit))
    }
}

impl Texts for Preview {
    fn each_text<E>(&mut self, visit: &mut Visit<'_, E>) -> Result<(), E> {
        visit(&mut self.text)
    }
}

impl Texts for Decision {
    fn each_text<E>(&mut self, visit: &mut Visit<'_, E>) -> Result<(), E> {
        match self {
            Decision::Approve => Ok(()),
            Decision::Deny { reason } => reason.each_text(visit),
        }
    }
}

impl Texts for Resolver {
    fn each_text<E>(&mut self, visit: &mut Visit<'_, E>) -> Result<(), E> {
        // The identity is the operating system's or a key's name, and is compared.
        self.note.each_text(visit)
    }
}

impl Texts for Message {
    fn each_text<E>(&mut self, visit: &mut Visit<'_, E>) -> Result<(), E> {
        match self {
            Message::User { text } => visit(text),
            Message::Assistant { text, calls, raw } => {
                visit(text)?;
                for call in calls {
                    visit(&mut call.tool)?;
                    visit(&mut call.arguments)?;
                    call.provider_id.each_text(visit)?;
                }
                raw.as_mut().map_or(Ok(()), |raw| visit(&mut raw.json))
            }
            Message::ToolResult { provider_id, tool, content, .. } => {
                provider_id.each_text(visit)?;
                visit(tool)?;
                visit(content)
            }
        }
    }
}

impl Texts for NewRun {
    fn each_text<E>(&mut self, visit: &mut Visit<'_, E>) -> Result<(), E> {
        // The role and its files are their author's own and shared by runs: they name their secrets.
        self.history.each_text(visit)?;
        visit(&mut self.prompt)
    }
}

impl Texts for NewCall {
    fn each_text<E>(&mut self, visit: &mut Visit<'_, E>) -> Result<(), E> {
        visit(&mut self.tool)?;
        visit(&mut self.model_tool)?;
        self.provider_id.each_text(visit)?;
        visit(&mut self.arguments)?;
        match &mut self.admission {
            Admission::Refused { result, .. } => visit(result),
            Admission::Waiting { preview, .. } => preview.each_text(visit),
            Admission::Ready => Ok(()),
        }
    }
}

impl Texts for TurnRecord {
    fn each_text<E>(&mut self, visit: &mut Visit<'_, E>) -> Result<(), E> {
        self.assistant.each_text(visit)?;
        self.calls.each_text(visit)?;
        match &mut self.then {
            AfterTurn::Complete { answer } => visit(answer),
            AfterTurn::Continue | AfterTurn::Pause => Ok(()),
        }
    }
}

impl Texts for Readmission {
    fn each_text<E>(&mut self, visit: &mut Visit<'_, E>) -> Result<(), E> {
        match self {
            Readmission::Refused { result, .. } => visit(result),
            Readmission::Waiting { preview, changed, .. } => {
                preview.each_text(visit)?;
                changed.each_text(visit)
            }
        }
    }
}

impl Texts for CallOutcome {
    fn each_text<E>(&mut self, visit: &mut Visit<'_, E>) -> Result<(), E> {
        visit(&mut self.result)?;
        self.told.each_text(visit)
    }
}

impl Texts for RunEnd {
    fn each_text<E>(&mut self, visit: &mut Visit<'_, E>) -> Result<(), E> {
        match self {
            RunEnd::Completed { answer } => visit(answer),
            RunEnd::Failed { error } => visit(error),
        }
    }
}

impl Texts for DecisionRequest {
    fn each_text<E>(&mut self, visit: &mut Visit<'_, E>) -> Result<(), E> {
        self.decisions.each_text(visit)?;
        self.resolver.each_text(visit)
    }
}

impl Texts for CallDecision {
    fn each_text<E>(&mut self, visit: &mut Visit<'_, E>) -> Result<(), E> {
        self.decision.each_text(visit)?;
        let Some(edit) = &mut self.edit else { return Ok(()) };
        visit(&mut edit.arguments)?;
        edit.preview.each_text(visit)
    }
}

impl Texts for Edited {
    fn each_text<E>(&mut self, visit: &mut Visit<'_, E>) -> Result<(), E> {
        visit(&mut self.from)?;
        visit(&mut self.to)?;
        self.resolver.each_text(visit)
    }
}

impl Texts for CallRecord {
    fn each_text<E>(&mut self, visit: &mut Visit<'_, E>) -> Result<(), E> {
        visit(&mut self.tool)?;
        visit(&mut self.model_tool)?;
        self.provider_id.each_text(visit)?;
        visit(&mut self.arguments)?;
        self.proposed.each_text(visit)?;
        self.edits.each_text(visit)?;
        self.votes.iter_mut().try_for_each(|vote| vote.resolver.each_text(visit))?;
        self.preview.each_text(visit)?;
        self.decision.each_text(visit)?;
        self.resolver.each_text(visit)?;
        self.changed.each_text(visit)?;
        self.result.each_text(visit)
    }
}

impl StoredRun {
    /// Whether a text of it looks like a secret, or has the token of one; earlier runs of its conversation
    /// aside.
    ///
    /// Changes nothing: only a visitor that may change texts is needed anywhere else.
    pub fn holds_secrets(&mut self) -> bool {
        self.each_text(&mut |text| if any_shape(text) { Err(()) } else { Ok(()) }).is_err()
    }
}

impl Texts for StoredRun {
    fn each_text<E>(&mut self, visit: &mut Visit<'_, E>) -> Result<(), E> {
        visit(&mut self.run.prompt)?;
        self.run.outcome.each_text(visit)?;
        // Of earlier runs nothing is kept sealed: theirs are as they may be shown.
        let mut own = self.messages.iter_mut().skip(self.earlier);
        own.try_for_each(|said| said.each_text(visit))?;
        self.calls.each_text(visit)
    }
}
