//! Starting a run.

use super::Attended;
use super::continue_run::continue_run;
use super::error::OpError;
use super::host::Host;
use super::open_role::{Opened, RoleFile};
use super::random;
use crate::domain::ids::RunId;
use crate::domain::vote::enough_reviewers;
use crate::runner::Driven;
use crate::store::NewRun;
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
    mut attended: Attended<'_>,
) -> Result<Driven, OpError> {
    let file = RoleFile::read(host, &request.role)?;
    let opened = file.open(host).await?;
    check_reviewers(host, &opened, &file.shown)?;
    let claim = host
        .store()?
        .create_run(NewRun {
            id: RunId::from_random(random::sixteen()),
            owner: host.owner()?,
            role_name: file.role.name,
            role_text: file.text,
            role_path: file.path,
            files: file.files,
            components: file
                .sources
                .into_iter()
                .chain(file.policies.into_iter().map(|policy| policy.component))
                .map(|source| (source.digest, source.bytes))
                .collect(),
            conversation: None,
            history: vec![],
            prompt: opened.secrets.redacted(request.prompt),
            trigger: request.trigger,
            requester: host.identity().to_owned(),
            budgets: file.role.budgets,
            reply_to: None,
            idempotency: None,
            at: host.clock.now(),
        })
        .await?;
    continue_run(host, &opened, claim, None, &mut attended).await
}

/// Refuses a run whose calls nobody could approve, because too few of their reviewers are not the person
/// who starts it: it would wait for ever.
fn check_reviewers(host: &Host, opened: &Opened, shown: &str) -> Result<(), OpError> {
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
                        rule.reviewers.join(", "),
                        host.identity(),
                    ),
                });
            }
        }
    }
    Ok(())
}
