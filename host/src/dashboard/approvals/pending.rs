//! `GET /api/approvals/pending`: what waits, as the page on approvals has it: `count_only` gives the number
//! alone, `limit` the most rows.

use crate::dashboard::Desk;
use crate::dashboard::guard::Visitor;
use crate::domain::api_key::KeyRole;
use crate::http::error::ApiError;
use crate::http::page::{Asked, CALL_ORDERS, Pairs, next};
use crate::json::PendingRow;
use crate::ops::page_pending;
use crate::store::{Order, Page, PendingFilter};
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

/// # Errors
/// Where this visitor may not decide, or the query says something else.
pub(in crate::dashboard) async fn pending(
    State(desk): State<Desk>,
    visitor: Visitor,
    pairs: Pairs,
) -> Result<Json<Value>, ApiError> {
    visitor.who.may(KeyRole::Reviewer)?;
    let asked = Asked::read(pairs, &["count_only"])?;
    let truth = |word: &str| match word {
        "" | "1" | "true" => Some(true),
        "0" | "false" => Some(false),
        _ => None,
    };
    let count_only = asked.word("count_only", truth, "`true` or `false`")?.unwrap_or_default();
    let page = asked.page(CALL_ORDERS, Order::OldestFirst)?;
    let page = if count_only { Page { limit: 1, ..page } } else { page };
    let found = page_pending(&desk.app.host, PendingFilter::default(), page).await?;
    if count_only {
        return Ok(Json(json!({"count": found.total})));
    }
    let rows: Vec<PendingRow<'_>> = found.calls.iter().map(PendingRow::of).collect();
    Ok(Json(json!({"count": found.total, "data": rows, "next": next(found.next)})))
}
