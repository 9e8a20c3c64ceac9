//! The `initrunner` program with fail points: dies, stops or is interrupted where its environment says.

use std::process::ExitCode;

fn main() -> ExitCode {
    if let Err(error) = initrunner::fail_point::arm(|name| std::env::var(name).ok()) {
        panic!("{error}");
    }
    initrunner::cli::main(std::env::args_os())
}
