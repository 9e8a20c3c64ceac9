//! The store: what every backend must do (`conformance`, `time`), what the one in a file adds to
//! that (`file`, `journal`, `migrate`), and what holds in any order of verbs (`property`), as a small
//! machine predicts it (`model`).

/// Makes each behaviour a test of every backend.
macro_rules! conformance {
    ($($behaviour:ident),* $(,)?) => {
        mod in_memory {
            $(#[test] fn $behaviour() {
                super::$behaviour(&initrunner::store::sqlite::SqliteStore::in_memory().unwrap());
            })*
        }
        mod in_a_file {
            $(#[test] fn $behaviour() {
                let files = crate::fixture::Files::new();
                super::$behaviour(&files.open());
            })*
        }
    };
}

mod changes;
mod clients;
mod conformance;
mod file;
mod fixture;
mod journal;
mod migrate;
mod model;
mod property;
mod time;
