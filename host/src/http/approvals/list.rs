//! `GET /v1/approvals`: the queue, page by page.

use crate::domain::ids::RunId;
use crate::domain::tool_call::CallState;
use crate::http::error::ApiError;
use crate::http::page::{Asked, CALL_ORDERS, Pairs, next};
use crate::http::{Caller, KeyRole, Shared};
use crate::json::PendingRow;
use crate::ops::page_pending;
use crate::store::{Order, PendingFilter};
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

const KEYS: [&str; 5] = ["run", "role", "tool", "state", "requester"];

pub(in crate::http) async fn list(
    State(app): State<Shared>,
    caller: Caller,
    pairs: Pairs,
) -> Result<Json<Value>, ApiError> {
    caller.may(KeyRole::Reviewer)?;
    let asked = Asked::read(pairs, &KEYS)?;
    let state = |word: &str| match word {
        "waiting" => Some(CallState::Waiting),
        "unknown" => Some(CallState::Unknown),
        _ => None,
    };
    let (since, until) = asked.times(app.host.now())?;
    let owned = |key| asked.text(key).map(str::to_owned);
    let filter = PendingFilter {
        run: asked.word("run", |text| RunId::parse(text).ok(), "the id of a run")?,
        role: owned("role"),
        tool: owned("tool"),
        state: asked.word("state", state, "`waiting` or `unknown`")?,
        requester: owned("requester"),
        since,
        until,
    };
    // Who waits longest comes first.
    let page =
        page_pending(&app.host, filter, asked.page(CALL_ORDERS, Order::OldestFirst)?).await?;
    let rows: Vec<PendingRow<'_>> = page.calls.iter().map(PendingRow::of).collect();
    Ok(Json(json!({
        "object": "list",
        "data": rows,
        "total": page.total,
        "next": next(page.next),
    })))
}
