//! The first page: what waits, what runs, what failed, and the last runs.

use super::events::waiting;
use super::guard::Visitor;
use super::refused::Refused;
use super::shell::{self, Page, Place};
use super::{Desk, runs};
use crate::domain::run::RunState;
use crate::ops::page_runs;
use crate::store::{Order, Page as Part, RunFilter, RunSummary};
use axum::extract::State;
use maud::{Markup, html};

/// Rows of each list.
const ROWS: usize = 8;

/// # Errors
/// Where the database cannot be read.
pub(super) async fn show(State(desk): State<Desk>, visitor: Visitor) -> Result<Page, Refused> {
    let waiting = waiting(&desk.app.host).await?;
    let paused = of(&desk, &visitor, &[RunState::Paused]).await?;
    let active = [RunState::Running, RunState::Queued, RunState::Interrupted];
    let running = of(&desk, &visitor, &active).await?;
    let failed = of(&desk, &visitor, &[RunState::Failed]).await?;
    let last = of(&desk, &visitor, &[]).await?;
    let no_roles = desk.app.roles.all().is_empty();
    let body = html! {
        h1 { "Home" }
        div class="columns" data-live="" id="home" {
            @if no_roles { section { h2 { "No roles yet" } p { "No role is served here." } } }
            (list("Waits for a decision", "Nothing waits.", &paused))
            (list("Under way", "Nothing runs.", &running))
            (list("Failed", "Nothing failed.", &failed))
            (list("Last runs", "Nothing has run yet.", &last))
        }
    };
    Ok(shell::page(&visitor, Place::Home, "Home", waiting, &body))
}

/// # Errors
/// Where the database cannot be read.
async fn of(
    desk: &Desk,
    visitor: &Visitor,
    states: &[RunState],
) -> Result<Vec<RunSummary>, Refused> {
    let requester = (!visitor.who.sees_all()).then(|| visitor.who.identity.clone());
    let filter = RunFilter { states: states.to_vec(), requester, ..RunFilter::default() };
    let page = Part { order: Order::NewestFirst, after: None, limit: ROWS };
    Ok(page_runs(&desk.app.host, filter, page).await?.runs)
}

fn list(title: &str, none: &str, found: &[RunSummary]) -> Markup {
    html! {
        section {
            h2 { (title) }
            @if found.is_empty() { p class="note" { (none) } } @else { (runs::rows(found)) }
        }
    }
}
