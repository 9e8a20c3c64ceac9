//! Lists the runs: the newest, or page by page those that are wanted.

use super::fault::Fault;
use super::run_row::UNFINISHED;
use super::{rows, run_row};
use crate::domain::clock::Timestamp;
use crate::domain::run::RunState;
use crate::store::{Order, Page, Position, RunFilter, RunPage, RunSummary};
use rusqlite::{Connection, Row, params};

pub(super) fn runs(conn: &Connection, limit: usize) -> Result<Vec<RunSummary>, Fault> {
    // In the order they were written down, which no clock that was set back disturbs.
    let mut statement = conn.prepare_cached(
        "SELECT runs.n, id, name, state, prompt, created_at, updated_at, requester
         FROM runs JOIN roles ON roles.n = runs.role ORDER BY runs.n DESC LIMIT ?1",
    )?;
    let mut found = statement.query([rows::to_stored(limit as u64)])?;
    let mut runs = Vec::new();
    while let Some(row) = found.next()? {
        runs.push(summary(conn, row)?);
    }
    Ok(runs)
}

fn summary(conn: &Connection, row: &Row<'_>) -> Result<RunSummary, Fault> {
    Ok(RunSummary {
        id: rows::run_id(row.get_ref(1)?.as_str()?)?,
        role_name: row.get(2)?,
        state: rows::run_state(row.get_ref(3)?.as_str()?)?,
        waiting: run_row::waiting(conn, row.get(0)?)?,
        requester: row.get(7)?,
        prompt: row.get(4)?,
        created_at: Timestamp(row.get(5)?),
        updated_at: Timestamp(row.get(6)?),
    })
}

/// One page of those that are wanted.
pub(super) fn list_runs(
    conn: &Connection,
    filter: &RunFilter,
    page: &Page,
) -> Result<RunPage, Fault> {
    let (further, direction, start) = match page.order {
        Order::NewestFirst => ("<", "DESC", i64::MAX),
        Order::OldestFirst | Order::SoonestToExpireFirst => (">", "ASC", 0),
    };
    // Few runs are unfinished, however many there are: these have an index, which does not say in which
    // order they were written down.
    let unfinished =
        !filter.states.is_empty() && filter.states.iter().all(|state| !state.is_final());
    let (index, among) = match unfinished {
        true => ("INDEXED BY unfinished_runs", format!("{UNFINISHED} AND")),
        false => ("", String::new()),
    };
    // Words of which none is a part of another.
    let states: Option<String> = match filter.states.as_slice() {
        [] => None,
        states => Some(states.iter().copied().map(RunState::as_str).collect::<Vec<_>>().join(" ")),
    };
    let sql = format!(
        "SELECT runs.n, id, name, state, prompt, created_at, updated_at, requester
         FROM runs {index} CROSS JOIN roles ON roles.n = runs.role
         WHERE {among} runs.n {further} ?1 AND created_at >= ?2 AND created_at < ?3
           AND (?4 IS NULL OR instr(?4, state)) AND (?5 IS NULL OR name = ?5)
           AND (?6 IS NULL OR requester = ?6)
         ORDER BY runs.n {direction} LIMIT ?7"
    );
    let limit = page.limit.max(1);
    let mut statement = conn.prepare_cached(&sql)?;
    let mut found = statement.query(params![
        page.after.map_or(start, |after| after.n),
        filter.since.map_or(i64::MIN, |since| since.0),
        filter.until.map_or(i64::MAX, |until| until.0),
        states,
        filter.role,
        filter.requester,
        // One more tells whether there is another page.
        rows::to_stored(limit as u64).saturating_add(1),
    ])?;
    let (mut runs, mut last, mut next) = (Vec::new(), None, None);
    while let Some(row) = found.next()? {
        if runs.len() == limit {
            next = last;
            break;
        }
        let run = summary(conn, row)?;
        last = Some(Position { at: run.created_at, n: row.get(0)? });
        runs.push(run);
    }
    Ok(RunPage { runs, next })
}
