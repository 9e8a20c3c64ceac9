//! The queue: what waits, of every run of every source, grouped by run.

use crate::dashboard::Desk;
use crate::dashboard::card::{Cards, cards, settled};
use crate::dashboard::guard::Visitor;
use crate::dashboard::refused::Refused;
use crate::dashboard::shell::{self, Page, Place};
use crate::domain::api_key::KeyRole;
use crate::domain::ids::{CallId, RunId};
use crate::domain::visible::one_line;
use crate::http::page::{Asked, CALL_ORDERS, Pairs, next};
use crate::ops::{look_at_run, page_pending, show_run};
use crate::store::{Order, PendingFilter};
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use maud::{Markup, html};

/// # Errors
/// Where this visitor may not decide, or the query says something else.
pub(in crate::dashboard) async fn queue(
    State(desk): State<Desk>,
    visitor: Visitor,
    headers: HeaderMap,
    pairs: Pairs,
) -> Result<Page, Refused> {
    visitor.who.may(KeyRole::Reviewer)?;
    // An empty field of the form asks for nothing.
    let pairs = pairs.map(|Query(mut pairs)| {
        pairs.retain(|(_, text)| !text.is_empty());
        Query(pairs)
    });
    let asked = Asked::read(pairs, &["role", "tool", "requester"])?;
    let owned = |key| asked.text(key).map(str::to_owned);
    let (since, until) = asked.times(desk.app.host.now())?;
    let filter = PendingFilter {
        role: owned("role"),
        tool: owned("tool"),
        requester: owned("requester"),
        since,
        until,
        ..PendingFilter::default()
    };
    let found =
        page_pending(&desk.app.host, filter, asked.page(CALL_ORDERS, Order::NewestFirst)?).await?;
    // What a page that is open has shown stays in its place, with what became of it.
    let before = shown_before(&headers);
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
    for (place, (run, calls)) in before.iter().enumerate() {
        if seen.contains(run) {
            continue;
        }
        if let Some(group) = decided(&desk, run, calls).await {
            groups.insert(place.min(groups.len()), group);
        }
    }
    let body = html! {
        h1 { "Approvals" }
        (filters(&asked))
        div id="queue" data-live="" {
            @if groups.is_empty() { p class="note" { "Nothing waits for a decision." } }
            ol class="queue" { @for group in &groups { (group) } }
        }
        @if let Some(after) = next(found.next).as_str() {
            p { a href={ "/approvals?after=" (after) (kept(&asked)) } { "More" } }
        }
    };
    Ok(shell::page(&visitor, Place::Approvals, "Approvals", found.total, &body))
}

/// What the queue can be asked for, by key, each with its words.
const FILTERS: [(&str, &str); 3] = [("role", "Role"), ("tool", "Tool"), ("requester", "Asked by")];

/// How long a call may have waited, as the form offers it.
const AGES: [(&str, &str); 3] =
    [("10m", "more than 10 minutes"), ("1h", "more than an hour"), ("24h", "more than a day")];

/// What comes first, as the form offers it.
const ORDERS: [(&str, &str); 3] =
    [("newest", "newest first"), ("oldest", "oldest first"), ("expiring", "soonest to expire")];

/// A form that works without scripts.
fn filters(asked: &Asked) -> Markup {
    html! {
        form method="get" action="/approvals" class="filters" id="filter" {
            @for (key, words) in FILTERS {
                label { (words)
                    input name=(key) value=[asked.text(key)] autocomplete="off" spellcheck="false";
                }
            }
            label { "Waits"
                select name="until" {
                    option value="" { "for any time" }
                    @for (age, words) in AGES {
                        option value=(age) selected[asked.text("until") == Some(age)] { (words) }
                    }
                    // An address may ask for any other.
                    @if let Some(other) = asked.text("until").filter(|age| !AGES.iter().any(|(known, _)| known == age)) {
                        option value=(other) selected { "since before " (one_line(other)) }
                    }
                }
            }
            label { "Order"
                select name="order" {
                    @for (order, words) in ORDERS {
                        option value=(order) selected[asked.text("order") == Some(order)] { (words) }
                    }
                }
            }
            button { "Filter" }
            @if !kept(asked).is_empty() { a href="/approvals" { "Clear" } }
        }
    }
}

/// The same as a part of an address.
fn kept(asked: &Asked) -> String {
    let keys = FILTERS.iter().map(|(key, _)| *key).chain(["since", "until", "order", "limit"]);
    let said = keys.filter_map(|key| Some((key, asked.text(key)?)));
    let mut address = String::new();
    for (key, text) in said {
        let text: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
        address.push_str(&format!("&{key}={text}"));
    }
    address
}

/// The most runs of a page that are looked at again: as many as a page has.
const MOST_SHOWN: usize = 100;

/// The runs that an open page shows, each with its calls: `RUN.CALL.CALL,RUN.CALL` in the header `X-Shown`.
fn shown_before(headers: &HeaderMap) -> Vec<(RunId, Vec<CallId>)> {
    let shown = headers.get("x-shown").and_then(|shown| shown.to_str().ok()).unwrap_or_default();
    let group = |text: &str| {
        let mut ids = text.split('.');
        let run = RunId::parse(ids.next()?).ok()?;
        Some((run, ids.filter_map(|id| CallId::parse(id).ok()).collect()))
    };
    shown.split(',').take(MOST_SHOWN).filter_map(group).collect()
}

/// The calls of a run that waited when a page was made, as they were decided; nothing where the run is gone.
async fn decided(desk: &Desk, run: &RunId, calls: &[CallId]) -> Option<Markup> {
    let run = show_run(&desk.app.host, run.as_str()).await.ok()?.run;
    let named = run.calls.iter().filter(|call| calls.contains(&call.id));
    let cards: Vec<Markup> = named.filter_map(|call| settled(&run, call)).collect();
    (!cards.is_empty()).then(|| {
        html! {
            li class="group" data-key=(run.run.id) {
                h2 { a href={ "/runs/" (run.run.id) } { (one_line(&run.run.prompt)) } }
                p class="note" {
                    (one_line(&run.run.role_name)) " · asked by " (one_line(&run.run.requester))
                }
                div class="group-of-cards" { @for card in &cards { (card) } }
            }
        }
    })
}
