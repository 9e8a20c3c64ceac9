//! The runs, newest first, page by page.

use super::rows;
use crate::dashboard::Desk;
use crate::dashboard::events::waiting;
use crate::dashboard::guard::Visitor;
use crate::dashboard::refused::Refused;
use crate::dashboard::shell::{self, Page, Place};
use crate::domain::run::RunState;
use crate::http::page::{Asked, Pairs, RUN_ORDERS, next};
use crate::ops::page_runs;
use crate::store::{Order, RunFilter};
use axum::extract::State;
use maud::html;

/// # Errors
/// Where the database cannot be read, or the query says something else.
pub(in crate::dashboard) async fn list(
    State(desk): State<Desk>,
    visitor: Visitor,
    pairs: Pairs,
) -> Result<Page, Refused> {
    let asked = Asked::read(pairs, &["role", "state"])?;
    let state = asked.word("state", RunState::parse, "one of the states of runs")?;
    let requester = (!visitor.who.sees_all()).then(|| visitor.who.identity.clone());
    let filter = RunFilter {
        role: asked.text("role").map(str::to_owned),
        states: state.into_iter().collect(),
        requester,
        ..RunFilter::default()
    };
    let page =
        page_runs(&desk.app.host, filter, asked.page(RUN_ORDERS, Order::NewestFirst)?).await?;
    let body = html! {
        h1 { "Runs" }
        div id="runs" data-live="" {
            @if page.runs.is_empty() { p class="note" { "Nothing has run yet." } }
            (rows(&page.runs))
        }
        @if let Some(after) = next(page.next).as_str() {
            p { a href={ "/runs?after=" (after) } { "Earlier runs" } }
        }
    };
    let waiting = waiting(&desk.app.host).await?;
    Ok(shell::page(&visitor, Place::Runs, "Runs", waiting, &body))
}
