//! Going on with one of several runs: shared by the commands that do so for every run that needs
//! nobody.

use super::answer;
use super::exit::Exit;
use super::output::Output;
use super::progress::Live;
use super::signals;
use crate::domain::ids::RunId;
use crate::json;
use crate::ops::{Attended, Host, resume_run};
use serde_json::{Value, json};

/// What came of it.
pub(super) struct GoneOn {
    /// As the run's own command would have ended.
    pub(super) exit: Exit,
    /// What is said of it, where that is asked for as JSON.
    pub(super) told: Option<Value>,
}

/// Resumes a run and tells how it ended. A run that cannot go on stands in nobody's way: why is said,
/// and the next one has its turn.
pub(super) async fn go_on(host: &Host, run: &RunId, output: &Output, as_json: bool) -> GoneOn {
    let mut live = Live::new(output, as_json);
    let attended = Attended { reporter: &mut live, stop: signals::listen() };
    let driven = resume_run(host, run.as_str(), attended).await;
    let streamed = live.streamed();
    drop(live);
    match driven {
        Ok(driven) if as_json => GoneOn {
            exit: Exit::of_ended(&driven.ended),
            told: Some(json::run(&driven.run, Some(&driven.ended), host.persists())),
        },
        Ok(driven) => {
            GoneOn { exit: answer::tell(host, &driven, output, false, streamed), told: None }
        }
        Err(error) => GoneOn {
            exit: output.failure(&error),
            told: as_json.then(|| json!({"run_id": run.as_str(), "error": error.to_string()})),
        },
    }
}
