//! Limits on a whole run, kept across resumes.

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
            return Some(exceeded(
                "max_requests",
                u64::from(self.max_requests),
                "requests to the model",
            ));
        }
        self.refuses_time(spent)
    }

    /// The sentence where so many more calls are over budget.
    pub fn refuses_calls(&self, spent: &Spent, more: usize) -> Option<String> {
        let total = u64::from(spent.tool_calls) + more as u64;
        (total > u64::from(self.max_tool_calls))
            .then(|| exceeded("max_tool_calls", u64::from(self.max_tool_calls), "tool calls"))
    }

    /// The sentence where the running time is used up.
    pub fn refuses_time(&self, spent: &Spent) -> Option<String> {
        (spent.wall_ms >= u64::from(self.max_wall_time) * 1000).then(|| {
            exceeded("max_wall_time", u64::from(self.max_wall_time), "seconds of running time")
        })
    }
}

fn exceeded(key: &str, limit: u64, unit: &str) -> String {
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
}
