//! The `initrunner` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    initrunner::cli::main(std::env::args_os())
}
