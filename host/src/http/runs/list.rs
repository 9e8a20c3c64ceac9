//! `GET /v1/runs`: the runs, page by page. Whoever only calls sees their own.

use crate::domain::run::RunState;
use crate::http::error::ApiError;
use crate::http::page::{Asked, Pairs, RUN_ORDERS, next};
use crate::http::{Caller, KeyRole, Shared};
use crate::json;
use crate::ops::page_runs;
use crate::store::{Order, RunFilter};
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json as value};

const KEYS: [&str; 3] = ["role", "state", "requester"];

pub(in crate::http) async fn list(
    State(app): State<Shared>,
    caller: Caller,
    pairs: Pairs,
) -> Result<Json<Value>, ApiError> {
    if !caller.sees_all() {
        caller.may(KeyRole::Caller)?;
    }
    let asked = Asked::read(pairs, &KEYS)?;
    let words: Vec<String> =
        RunState::ALL.iter().map(|state| format!("`{}`", state.as_str())).collect();
    let states = |text: &str| text.split(',').map(|word| RunState::parse(word.trim())).collect();
    let words = format!("one or several of {}, with `,` between them", words.join(", "));
    let requester = asked.text("requester").map(str::to_owned);
    let requester = match caller.sees_all() {
        true => requester,
        false => match requester {
            Some(other) if other != caller.identity => {
                return Err(ApiError::bad("requester", "only a reviewer sees runs of others"));
            }
            _ => Some(caller.identity.clone()),
        },
    };
    let (since, until) = asked.times(app.host.now())?;
    let filter = RunFilter {
        role: asked.text("role").map(str::to_owned),
        states: asked.word("state", states, &words)?.unwrap_or_default(),
        requester,
        since,
        until,
    };
    let page = page_runs(&app.host, filter, asked.page(RUN_ORDERS, Order::NewestFirst)?).await?;
    let rows: Vec<Value> = page.runs.iter().map(json::summary).collect();
    Ok(Json(value!({"object": "list", "data": rows, "next": next(page.next)})))
}
