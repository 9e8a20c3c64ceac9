//! Running programs, where a role grants it.
//!
//! The host runs them, not the component: within its deadline, without standard input, with a fixed
//! `PATH` and no other environment than the granted one, and it kills everything they leave behind.
//!
//! ```no_run
//! use initrunner_sdk::{Failure, process};
//!
//! fn revision() -> Result<String, Failure> {
//!     let arguments = ["rev-parse", "HEAD"].map(str::to_owned);
//!     let output = process::run("git", &arguments, &process::Options::default())?;
//!     match output.ending {
//!         process::Ending::Exited(0) => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
//!         ending => Err(Failure::Failed(format!("git ended with {ending:?}"))),
//!     }
//! }
//! ```

use crate::Failure;

pub use crate::bindings::initrunner::host::process::{
    Ending, Error, Options, Output, run, run_script,
};

impl Default for Options {
    /// The granted directory, time and output; no environment.
    fn default() -> Self {
        Self {
            working_directory: None,
            environment: Vec::new(),
            timeout_ms: None,
            max_output_bytes: None,
        }
    }
}

impl From<Error> for Failure {
    /// Nothing ran, and the sentence says why.
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid(text) => Failure::InvalidArguments(text),
            Error::NotGranted(text) | Error::NotFound(text) | Error::Failed(text) => {
                Failure::Failed(text)
            }
        }
    }
}
