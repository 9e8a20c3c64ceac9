//! Starting a run.

use super::Attended;
use super::continue_run::continue_run;
use super::error::OpError;
use super::host::Host;
use super::open_role::{Opened, RoleFile};
use super::random;
use crate::domain::ids::RunId;
use crate::domain::message::Message;
use crate::domain::vote::enough_reviewers;
use crate::runner::{Driven, Progress};
use crate::store::{Conversation, Idempotency, NewRun};
use std::path::PathBuf;

/// What to run.
#[derive(Debug, Clone)]
pub struct RunRequest {
    /// The role file.
    pub role: PathBuf,
    /// What is asked.
    pub prompt: String,
    /// What started it: `cli`, …
    pub trigger: String,
}

/// Runs a role until it pauses or ends.
///
/// # Errors
/// [`OpError`]: before the run is written down for anything wrong with the role, after it only for the
/// store.
pub async fn run_role(
    host: &Host,
    request: RunRequest,
    attended: Attended<'_>,
) -> Result<Driven, OpError> {
    let file = RoleFile::read(host, &request.role)?;
    let RunRequest { prompt, trigger, .. } = request;
    start_run(host, &file, StartRequest::new(prompt, trigger), attended).await
}

/// What to start.
#[derive(Debug, Clone)]
pub struct StartRequest {
    /// What is asked.
    pub prompt: String,
    /// Texts of the user and of the model before it.
    pub history: Vec<Message>,
    /// What started it: `cli`, `http`, …
    pub trigger: String,
    /// The conversation that it continues.
    pub conversation: Option<Conversation>,
    /// What tells that the request is sent again.
    pub idempotency: Option<Idempotency>,
    /// Where to tell what becomes of it.
    pub reply_to: Vec<String>,
}

impl StartRequest {
    /// A run that stands alone.
    pub fn new(prompt: String, trigger: String) -> Self {
        Self {
            prompt,
            history: Vec::new(),
            trigger,
            conversation: None,
            idempotency: None,
            reply_to: Vec::new(),
        }
    }
}

/// Runs a role that was read before, until it pauses or ends. What it takes to call its tools is kept for
/// the next run.
///
/// # Errors
/// As [`run_role`].
pub async fn start_run(
    host: &Host,
    file: &RoleFile,
    request: StartRequest,
    mut attended: Attended<'_>,
) -> Result<Driven, OpError> {
    let opened = file.open(host).await?;
    check_reviewers(host, &opened, &file.shown)?;
    let run = new_run(host, file, &opened, request)?;
    let claim = host.store()?.create_run(run.clone(), &host.owner()?).await?;
    attended.reporter.report(Progress::Created { run: &claim.run });
    let written = run.written(&claim);
    continue_run(host, &opened, claim, written, &mut attended).await
}

/// What is written down of a run of a role.
///
/// # Errors
/// What of the host's policies cannot be read.
pub(super) fn new_run(
    host: &Host,
    file: &RoleFile,
    opened: &Opened,
    request: StartRequest,
) -> Result<NewRun, OpError> {
    Ok(NewRun {
        id: RunId::from_random(random::sixteen()),
        role_name: file.role.name.clone(),
        role_text: file.text.clone(),
        role_path: file.path.clone(),
        files: file.files_of_run(host)?,
        components: file.components().map(|source| (source.digest, source.bytes.clone())).collect(),
        conversation: request.conversation,
        history: request.history.into_iter().map(|said| redacted(opened, said)).collect(),
        prompt: opened.secrets.redacted(request.prompt),
        trigger: request.trigger,
        requester: host.identity().to_owned(),
        budgets: file.role.budgets,
        reply_to: request.reply_to,
        idempotency: request.idempotency,
        at: host.clock.now(),
    })
}

/// A client's text without the values that the role declares secret.
fn redacted(opened: &Opened, said: Message) -> Message {
    match said {
        Message::User { text } => Message::User { text: opened.secrets.redacted(text) },
        Message::Assistant { text, calls, raw } => {
            Message::Assistant { text: opened.secrets.redacted(text), calls, raw }
        }
        other => other,
    }
}

/// Refuses a run whose calls nobody could approve, because too few of their reviewers are not the person
/// who starts it: it would wait for ever.
pub(super) fn check_reviewers(host: &Host, opened: &Opened, shown: &str) -> Result<(), OpError> {
    for entry in opened.tools.entries() {
        for tool in &entry.tools {
            let rule = entry.entry.approval_rule(&tool.name);
            if !enough_reviewers(&rule, host.identity()) {
                let place = entry.entry.position;
                return Err(OpError::Role {
                    rendered: format!(
                        "{shown}:{}:{}: calls of `{}` need {} of {}, which leaves too few without {}, who \
                         starts the run\n  hint: name more `reviewers`, or have somebody else start it",
                        place.line,
                        place.column,
                        tool.model_name,
                        rule.quorum,
                        rule.in_force(true).reviewers.join(", "),
                        host.identity(),
                    ),
                });
            }
        }
    }
    Ok(())
}
