//! The store: what every backend must do (`conformance`), what the one in a file adds to that
//! (`file`, `journal`, `migrate`), and what holds in any order of verbs (`property`).

mod conformance;
mod file;
mod fixture;
mod journal;
mod migrate;
mod property;
