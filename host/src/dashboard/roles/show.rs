//! One role: what it may call, and the panel that runs it.

use crate::dashboard::Desk;
use crate::dashboard::events::waiting;
use crate::dashboard::guard::Visitor;
use crate::dashboard::refused::Refused;
use crate::dashboard::runs::panel_of;
use crate::dashboard::shell::{self, Page, Place};
use crate::domain::approval::ApprovalMode;
use crate::domain::visible::{lines, one_line};
use crate::http::error::ApiError;
use crate::http::runs::visible;
use crate::ops::list_tools;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use maud::html;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(in crate::dashboard) struct Asked {
    run: Option<String>,
}

/// # Errors
/// Where there is no such role.
pub(in crate::dashboard) async fn show(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(role): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Page, Refused> {
    let Some(file) = desk.app.roles.find(&role) else { return Err(unknown(&role)) };
    // The run that this page began with, for whoever reloads it.
    let begun = match asked.run {
        Some(run) => Some(visible(&desk.app.host, &visitor.who, run).await?.run),
        None => None,
    };
    let begun = begun.filter(|run| run.run.role_name == file.role.name);
    let panel = match &begun {
        Some(run) => Some((&run.run.id, panel_of(&desk, &visitor, run).await)),
        None => None,
    };
    let tools = list_tools(&desk.app.host, &file).await;
    let body = html! {
        h1 { (one_line(&file.role.name)) }
        @if let Some(said) = &file.role.description { p { (one_line(said)) } }
        section aria-label="Run" class="panel" {
            form method="post" action={ "/roles/" (file.role.name) "/runs" } class="stack" data-start="" {
                (shell::csrf(&visitor))
                label for="prompt" { "Prompt" }
                textarea id="prompt" name="prompt" rows="3" required {}
                button class="main" { "Run" }
            }
            @match &panel {
                None => div id="panel" data-panel="" {},
                Some((run, panel)) => {
                    div id="panel" data-panel=(run) data-live={ "/runs/" (run) "/panel" } { (panel) }
                }
            }
        }
        h2 { "Tools" }
        @match &tools {
            Err(error) => p class="problem" { (shell::sentence(&error.to_string())) },
            Ok(tools) => ul class="cards" {
                @for tool in tools {
                    li class="card" {
                        h3 { code { (one_line(&tool.name)) } }
                        p { (lines(&tool.description)) }
                        p class="note" {
                            @if tool.rule.mode == ApprovalMode::Required { "asks a person" }
                            @else { "asks nobody" }
                            @if tool.effects.destructive { " · may destroy" }
                            @if tool.effects.open_world { " · reaches beyond this machine" }
                        }
                    }
                }
            },
        }
    };
    let waiting = waiting(&desk.app.host).await?;
    Ok(shell::page(&visitor, Place::Roles, &file.role.name, waiting, &body))
}

pub(super) fn unknown(role: &str) -> Refused {
    let message = format!("there is no role `{}` here", one_line(role));
    ApiError::new(StatusCode::NOT_FOUND, "unknown_role", message).into()
}
