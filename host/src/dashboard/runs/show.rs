//! One run.

use super::panel::of;
use crate::dashboard::Desk;
use crate::dashboard::events::waiting;
use crate::dashboard::guard::Visitor;
use crate::dashboard::refused::Refused;
use crate::dashboard::shell::{self, Page, Place};
use crate::domain::visible::one_line;
use crate::http::runs::visible;
use axum::extract::{Path, State};
use maud::html;

/// # Errors
/// Where there is no such run for this visitor.
pub(in crate::dashboard) async fn show(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(run): Path<String>,
) -> Result<Page, Refused> {
    let story = visible(&desk.app.host, &visitor.who, run).await?;
    let record = &story.run.run;
    let panel = of(&desk, &visitor, &story.run).await;
    let body = html! {
        h1 { "Run " code { (record.id) } }
        p class="note" {
            a href={ "/roles/" (record.role_name) } { (one_line(&record.role_name)) }
            " · asked by " (one_line(&record.requester)) " · " (shell::time(record.created_at))
        }
        div id="panel" data-panel=(record.id) data-live={ "/runs/" (record.id) "/panel" } { (panel) }
    };
    let waiting = waiting(&desk.app.host).await?;
    Ok(shell::page(&visitor, Place::Runs, record.id.as_str(), waiting, &body))
}
