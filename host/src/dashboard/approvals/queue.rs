//! The queue: what waits, of every run of every source, grouped by run.

use crate::dashboard::Desk;
use crate::dashboard::card::{Cards, cards};
use crate::dashboard::guard::Visitor;
use crate::dashboard::refused::Refused;
use crate::dashboard::shell::{self, Page, Place};
use crate::domain::api_key::KeyRole;
use crate::domain::visible::one_line;
use crate::http::page::{Asked, Pairs, next};
use crate::ops::{look_at_run, page_pending};
use crate::store::{Order, PendingFilter};
use axum::extract::State;
use maud::{Markup, html};

/// # Errors
/// Where this visitor may not decide, or the query says something else.
pub(in crate::dashboard) async fn queue(
    State(desk): State<Desk>,
    visitor: Visitor,
    pairs: Pairs,
) -> Result<Page, Refused> {
    visitor.who.may(KeyRole::Reviewer)?;
    let asked = Asked::read(pairs, &["role", "tool", "requester"])?;
    let owned = |key| asked.text(key).map(str::to_owned);
    let filter = PendingFilter {
        role: owned("role"),
        tool: owned("tool"),
        requester: owned("requester"),
        ..PendingFilter::default()
    };
    let found = page_pending(&desk.app.host, filter, asked.page(Order::NewestFirst)?).await?;
    let mut groups: Vec<Markup> = Vec::new();
    let mut seen = Vec::new();
    for call in &found.calls {
        if seen.contains(&call.run) {
            continue;
        }
        seen.push(call.run.clone());
        // It may have ended since the list was read.
        let Ok(run) = look_at_run(&desk.app.host, &call.run).await else { continue };
        let Some(open) = cards(&desk, &visitor, &run, Cards::Open).await else { continue };
        groups.push(html! {
            li class="group" data-key=(run.run.id) {
                h2 { a href={ "/runs/" (run.run.id) } { (one_line(&run.run.prompt)) } }
                p class="note" {
                    (one_line(&run.run.role_name)) " · asked by " (one_line(&run.run.requester))
                }
                (open)
            }
        });
    }
    let body = html! {
        h1 { "Approvals" }
        div id="queue" data-live="" {
            @if groups.is_empty() { p class="note" { "Nothing waits for a decision." } }
            ol class="queue" { @for group in &groups { (group) } }
        }
        @if let Some(after) = next(found.next).as_str() {
            p { a href={ "/approvals?after=" (after) } { "More" } }
        }
    };
    Ok(shell::page(&visitor, Place::Approvals, "Approvals", found.total, &body))
}
