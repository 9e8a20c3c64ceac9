//! Limits on a whole run, kept across resumes.

use super::message::Usage;
use serde::{Deserialize, Serialize};

/// What a run may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budgets {
    /// Requests to the model.
    pub max_requests: u32,
    /// Tool calls the model may emit.
    pub max_tool_calls: u32,
    /// Seconds of running time; waiting for people does not count.
    pub max_wall_time: u32,
}

impl Default for Budgets {
    /// 30 requests and 20 calls are several times what a useful run of the examples takes, and few
    /// enough that a model in a loop costs little; 300 s is the longest a person waits at a terminal.
    fn default() -> Self {
        Self { max_requests: 30, max_tool_calls: 20, max_wall_time: 300 }
    }
}

/// What a run has used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// Requests made.
    pub requests: u32,
    /// Calls emitted.
    pub tool_calls: u32,
    /// Milliseconds of running time.
    pub wall_ms: u64,
}

impl Budgets {
    /// The sentence for the first budget that does not allow another request, if any.
    pub fn refuses_request(&self, spent: &Spent) -> Option<String> {
        if spent.requests >= self.max_requests {
            return Some(exceeded("max_requests", self.max_requests, "requests to the model"));
        }
        self.refuses_time(spent)
    }

    /// The sentence where so many more calls are over budget.
    pub fn refuses_calls(&self, spent: &Spent, more: usize) -> Option<String> {
        let total = u64::from(spent.tool_calls) + more as u64;
        (total > u64::from(self.max_tool_calls))
            .then(|| exceeded("max_tool_calls", self.max_tool_calls, "tool calls"))
    }

    /// The sentence where the running time is used up.
    pub fn refuses_time(&self, spent: &Spent) -> Option<String> {
        (spent.wall_ms >= u64::from(self.max_wall_time) * 1000)
            .then(|| exceeded("max_wall_time", self.max_wall_time, "seconds of running time"))
    }
}

/// What a run's model may use up. Read from the role each time, unlike [`Budgets`]: what was used is
/// counted with the run.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Allowance {
    /// Tokens read and written together.
    pub max_tokens: Option<u32>,
    /// US dollars.
    pub max_cost_usd: Option<f64>,
}

/// What a model's tokens cost, in US dollars for a million.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    /// Of those it reads, cached or not.
    pub input: f64,
    /// Of those it writes, thinking included.
    pub output: f64,
}

impl Allowance {
    /// The sentence for the first of its limits that does not allow another request, if any. What the
    /// last answer used beyond a limit cannot be taken back, but nothing is asked after it.
    pub fn refuses_request(&self, used: &Usage, price: Option<Price>) -> Option<String> {
        let tokens = used.input_tokens.saturating_add(used.output_tokens);
        if let Some(most) = self.max_tokens.filter(|most| tokens >= u64::from(*most)) {
            return Some(exceeded("max_tokens", most, "tokens"));
        }
        let most = self.max_cost_usd?;
        (price?.of(used) >= most).then(|| exceeded("max_cost_usd", most, "US dollars"))
    }
}

impl Price {
    /// What so many tokens cost, in US dollars.
    pub fn of(&self, used: &Usage) -> f64 {
        let cost = |tokens: u64, price: f64| tokens as f64 * price / 1e6;
        cost(used.input_tokens, self.input) + cost(used.output_tokens, self.output)
    }

    /// The dearer of two, part by part.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self { input: self.input.max(other.input), output: self.output.max(other.output) }
    }
}

fn exceeded(key: &str, limit: impl std::fmt::Display, unit: &str) -> String {
    format!(
        "the run reached its budget `{key}` of {limit} {unit}; raise `budgets.{key}` in the role to allow more"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_names_the_key() {
        let budgets = Budgets { max_requests: 1, max_tool_calls: 2, max_wall_time: 3 };
        let none = Spent::default();
        assert_eq!(budgets.refuses_request(&none), None);
        assert_eq!(budgets.refuses_calls(&none, 2), None);
        assert!(budgets.refuses_calls(&none, 3).is_some_and(|s| s.contains("max_tool_calls")));
        let spent = Spent { requests: 1, ..none };
        assert!(budgets.refuses_request(&spent).is_some_and(|s| s.contains("max_requests")));
        let spent = Spent { wall_ms: 3000, ..none };
        assert!(budgets.refuses_request(&spent).is_some_and(|s| s.contains("max_wall_time")));
    }
    #[test]
    fn tokens_and_their_cost_are_allowed_up_to_what_the_role_says() {
        let used = |input_tokens, output_tokens| Usage { input_tokens, output_tokens };
        let price = Some(Price { input: 3.0, output: 15.0 });
        let none = Allowance::default();
        assert_eq!(none.refuses_request(&used(u64::MAX, u64::MAX), price), None);
        let tokens = Allowance { max_tokens: Some(100), ..none };
        assert_eq!(tokens.refuses_request(&used(60, 39), None), None);
        assert_eq!(
            tokens.refuses_request(&used(60, 40), None).as_deref(),
            Some(
                "the run reached its budget `max_tokens` of 100 tokens; raise `budgets.max_tokens` in \
                 the role to allow more"
            )
        );
        let cost = Allowance { max_cost_usd: Some(0.18), ..none };
        assert_eq!(cost.refuses_request(&used(9_999, 9_999), price), None);
        assert_eq!(
            cost.refuses_request(&used(10_000, 10_000), price).as_deref(),
            Some(
                "the run reached its budget `max_cost_usd` of 0.18 US dollars; raise \
                 `budgets.max_cost_usd` in the role to allow more"
            )
        );
    }
}
