//! What a person or a service can do, one verb per file. Front doors parse, call one of these, and
//! render what it gives; nothing here prints, and nothing here reads the process's arguments.

mod approve_run;
mod asked_policies;
mod await_run;
mod begin_conversation;
mod bench_policies;
mod cancel_run;
mod check_day;
mod check_policies;
mod check_store;
mod continue_run;
mod decide_calls;
mod derive_key;
mod describe_calls;
mod drain_runs;
mod edit_call;
mod error;
mod explain_call;
mod export_journal;
mod find_conversation;
mod find_run;
mod follow_run;
mod holds_secret;
mod home;
mod host;
mod host_policies;
mod identity;
mod inspect_component;
mod kept_role;
mod list_audit;
mod list_pending;
mod list_runs;
mod list_tools;
mod look_at_run;
mod make_key;
mod make_policy_schema;
mod mark_trigger;
mod open_role;
mod preview_edit;
mod prune_journal;
mod queue_run;
mod random;
mod read_cases;
mod read_config;
mod read_metrics;
mod read_policies;
mod read_roles;
mod read_text;
mod recover_runs;
mod replay_policies;
mod resume_run;
mod run_role;
mod show_journal;
mod show_run;
mod sweep_approvals;
mod system_clock;
mod take_messages;
mod tell_problems;
mod test_policies;
mod validate_role;
mod verify_journal;
mod watch_changes;
mod watch_journal;

pub use approve_run::{
    ApproveRequest, Approved, Choice, Selection, approve_run, pending_question, question,
};
pub use asked_policies::Asked;
pub use await_run::await_run;
pub use begin_conversation::begin_conversation;
pub use bench_policies::{BenchedPolicy, BenchedQuestion, BenchedTool, bench_policies};
pub use cancel_run::cancel_run;
pub use check_day::{check_day, check_spent, day_began};
pub use check_policies::{CheckedPolicies, CheckedPolicy, PolicySummary, check_policies};
pub use check_store::check_store;
pub use decide_calls::{CallAnswer, CallChoice, DecideRequest, decide_calls};
pub use derive_key::derive_key;
pub use describe_calls::{CallFacts, describe_calls};
pub use drain_runs::drain_runs;
pub use edit_call::NewArguments;
pub use error::OpError;
pub use explain_call::{Explanation, Step, Unasked, explain_call};
pub use export_journal::{ExportRequest, export_journal};
pub use find_conversation::{find_conversation, find_repeated};
pub use follow_run::follow_run;
pub use holds_secret::holds_secret;
pub use home::Home;
pub use host::{Environment, Host, HostOptions, check_named_database};
pub use host_policies::POLICY_DIR;
pub use identity::identity;
pub use inspect_component::inspect_component;
pub use list_audit::{list_approvals, list_starts};
pub use list_pending::{list_pending, page_pending};
pub use list_runs::{list_runs, page_runs};
pub use list_tools::{ToolSummary, list_tools};
pub use look_at_run::look_at_run;
pub use make_key::{local_key, make_key};
pub use make_policy_schema::{PolicySchema, make_policy_schema};
pub use mark_trigger::{mark_trigger, trigger_mark};
pub use open_role::RoleFile;
pub use preview_edit::{EditPreview, preview_edit};
pub use prune_journal::{PruneReport, prune_journal};
pub use queue_run::{interrupted_runs, queue_run, queued_runs};
pub use random::thirty_two as random_bytes;
pub use read_metrics::read_metrics;
pub use read_roles::{BrokenRole, Roles, RolesError, is_role, role_paths, yaml_paths};
pub use recover_runs::{Needs, Recovered, recover_run, recover_runs};
pub use replay_policies::{ReplayRequest, ReplaySums, ReplayedCall, Was, replay_policies};
pub use resume_run::resume_run;
pub use run_role::{RunRequest, StartRequest, run_role, start_run};
pub use show_journal::show_journal;
pub use show_run::{Story, show_run};
pub use sweep_approvals::{Report as SweepReport, Sweeper, sweep_approvals};
pub use take_messages::{mark_delivered, mark_failed, take_messages};
pub use tell_problems::Finding;
pub use test_policies::{TestedCase, TestedFile, test_policies};
pub use validate_role::{Validated, check_role, validate_role};
pub use verify_journal::verify_journal;
pub use watch_changes::watch_changes;
pub use watch_journal::{RunEvents, watch_run};

use crate::runner::Reporter;
use tokio::sync::watch;

/// Who watches an operation that drives a run, and who may stop it.
pub struct Attended<'a> {
    /// Told what happens.
    pub reporter: &'a mut dyn Reporter,
    /// Set to a sentence when the process is asked to stop.
    pub stop: watch::Receiver<Option<String>>,
}
