//! When tools may be called, and how often in a run: a small policy, and an example for those who write one
//! of their own.
//!
//! Its sources are TOML:
//!
//! ```toml
//! [[hours]]
//! name = "office"                  # by which decisions cite it; default: the file and a number
//! zone = "Europe/Vienna"           # or an offset such as "+01:00"; default: UTC
//! days = ["mon", "tue", "wed", "thu", "fri"]   # the default
//! from = "09:00"
//! to = "17:30"                     # before `from`: on the next day
//! tools = ["shell", "plugin:sql"]  # names, `send_*`, `plugin:NAME`, `*`; default: all that change things
//! outside = "deny"                 # or "ask", the default
//! message = "somebody is in the office then"   # optional
//!
//! [[rate]]
//! tools = ["send_*"]
//! calls = 5                        # of each of these tools, in a run
//! minutes = 10                     # optional: as many again for each ten minutes of running time
//! beyond = "deny"                  # or "ask", the default
//! ```
//!
//! Of several rules the strictest answers. They say nothing of who may approve.
//!
//! `rules.rs` reads and refuses, `decide.rs` answers, and this file is what an author of a policy writes for
//! the host.

pub mod decide;
pub mod rules;

use initrunner_sdk::policy::{Decision, Diagnostic, Policy, Request, Source, Summary};
use rules::Rules;

impl Policy for Rules {
    fn load(sources: Vec<Source>) -> Result<(Self, Summary), Vec<Diagnostic>> {
        rules::read(&sources)
    }

    fn decide(&self, request: &Request) -> Decision {
        decide::decide(self, request)
    }
}

initrunner_sdk::export_policy!(Rules);
