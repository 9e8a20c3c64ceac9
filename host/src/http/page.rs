//! Lists, page by page: what may be asked for in the query, and where a page ends.

use super::error::ApiError;
use crate::domain::clock::Timestamp;
use crate::domain::moment::Moment;
use crate::domain::visible::one_line;
use crate::store::{Order, Page, Position};
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

/// Rows of a page where no number is asked for: a screen or two.
const USUAL: usize = 50;

/// Rows of a page at most: some 2 MB where each has long arguments.
const MOST: usize = 1000;

/// What every list takes.
const COMMON: [&str; 5] = ["limit", "after", "order", "since", "until"];

/// The orders of a list of runs, by their words.
pub(crate) const RUN_ORDERS: &[(&str, Order)] =
    &[("newest", Order::NewestFirst), ("oldest", Order::OldestFirst)];

/// The orders of a list of calls that wait, by their words.
pub(crate) const CALL_ORDERS: &[(&str, Order)] = &[
    ("newest", Order::NewestFirst),
    ("oldest", Order::OldestFirst),
    ("expiring", Order::SoonestToExpireFirst),
];

/// The query of a request as axum gives it: pairs, since a key that occurs twice is a mistake.
pub(crate) type Pairs = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// What is asked for in a query.
pub(crate) struct Asked(Vec<(String, String)>);

impl Asked {
    /// # Errors
    /// Where a key is not one of `known` or of every list's, or occurs twice.
    pub(crate) fn read(pairs: Pairs, known: &[&str]) -> Result<Self, ApiError> {
        let Query(pairs) = pairs.map_err(|error| ApiError::bad("query", error.body_text()))?;
        for (at, (key, _)) in pairs.iter().enumerate() {
            let shown = one_line(key);
            if !COMMON.contains(&&**key) && !known.contains(&&**key) {
                let mut all: Vec<String> =
                    known.iter().chain(&COMMON).map(|key| format!("`{key}`")).collect();
                all.sort();
                let message = format!("`{shown}` is not known; there are {}", all.join(", "));
                return Err(ApiError::bad(&shown, message));
            }
            if pairs[..at].iter().any(|(before, _)| before == key) {
                return Err(ApiError::bad(&shown, format!("`{shown}` is given twice")));
            }
        }
        Ok(Self(pairs))
    }

    /// The text of a key.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, text)| text.as_str())
    }

    /// Something that a key says, by its words.
    pub(crate) fn word<T>(
        &self,
        key: &str,
        read: impl Fn(&str) -> Option<T>,
        words: &str,
    ) -> Result<Option<T>, ApiError> {
        let Some(text) = self.text(key) else { return Ok(None) };
        let read = read(text);
        Ok(Some(read.ok_or_else(|| ApiError::bad(key, format!("`{key}` is {words}")))?))
    }

    /// `since` and `until`.
    pub(crate) fn times(
        &self,
        now: Timestamp,
    ) -> Result<(Option<Timestamp>, Option<Timestamp>), ApiError> {
        let time = |key: &str| match self.text(key) {
            None => Ok(None),
            Some(text) => match Moment::parse(text) {
                Ok(moment) => Ok(Some(moment.seen_from(now))),
                Err(error) => Err(ApiError::bad(key, error.to_string())),
            },
        };
        Ok((time("since")?, time("until")?))
    }

    /// Which page, in one of these orders.
    pub(crate) fn page(&self, orders: &[(&str, Order)], usual: Order) -> Result<Page, ApiError> {
        let number = |text: &str| text.parse().ok().filter(|limit| (1..=MOST).contains(limit));
        let limit = self.word("limit", number, &format!("a number from 1 to {MOST}"))?;
        let order =
            |word: &str| orders.iter().find(|(known, _)| *known == word).map(|(_, order)| *order);
        let order = self.word("order", order, &either(orders))?;
        let after = self.word("after", place, "what `next` of the page before it said")?;
        Ok(Page { order: order.unwrap_or(usual), after, limit: limit.unwrap_or(USUAL) })
    }
}

/// The words of orders, as a choice: "`newest` or `oldest`".
pub(crate) fn either(orders: &[(&str, Order)]) -> String {
    let words: Vec<String> = orders.iter().map(|(word, _)| format!("`{word}`")).collect();
    match words.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => words.concat(),
    }
}

/// Where the next page goes on, as clients send it back.
pub(crate) fn next(place: Option<Position>) -> Value {
    let text = |Position { at, n }: Position| {
        json!(BASE64URL_NOPAD.encode(format!("{}.{n}", at.0).as_bytes()))
    };
    place.map_or(Value::Null, text)
}

fn place(text: &str) -> Option<Position> {
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
    let (at, n) = str::from_utf8(&bytes).ok()?.split_once('.')?;
    Some(Position { at: Timestamp(at.parse().ok()?), n: n.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_goes_out_and_comes_back() {
        for (at, n) in [(0, 0), (1_777_040_468_000_000, 7), (i64::MIN, i64::MAX)] {
            let position = Position { at: Timestamp(at), n };
            let text = next(Some(position));
            assert_eq!(place(text.as_str().unwrap()), Some(position));
        }
        assert_eq!(next(None), Value::Null);
        for text in ["", "x", "MS4", "Li4", "MS4x.", "ü"] {
            assert_eq!(place(text), None, "{text}");
        }
    }
}
