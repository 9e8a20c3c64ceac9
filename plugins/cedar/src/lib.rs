//! Policies in the Cedar language (<https://www.cedarpolicy.com>): what agents may call, when a person is
//! asked, and who may say yes. `docs/policies.md` is for those who write them.
//!
//! `load` makes a schema from the tools, reads the policies, checks them against it, and keeps what can be
//! asked: conditions put together, each tool with the rules that can speak of it, entities with their
//! groups. `decide` maps one request to values and evaluates. It parses nothing but the arguments.
//!
//! A permission for agents never reaches who may approve: approving is another action, of another type of
//! principal. Every policy must name its actions, none may name approval beside others, and approval is in
//! no group.

pub mod context;
pub mod decide;
pub mod entities;
pub mod load;
pub mod names;
pub mod place;
pub mod policies;
pub mod schema;
pub mod shape;
pub mod tools;
pub mod validate;
pub mod value;

pub use load::Cedar;

use initrunner_sdk::policy::{Decision, Diagnostic, Policy, Request, Source, Summary};

impl Policy for Cedar {
    fn load(sources: Vec<Source>) -> Result<(Self, Summary), Vec<Diagnostic>> {
        Cedar::load(&sources)
    }

    fn decide(&self, request: &Request) -> Decision {
        Cedar::decide(self, request)
    }
}

initrunner_sdk::export_policy!(Cedar);
