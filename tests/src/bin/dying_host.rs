//! A host that is about to be killed: runs the script in its first argument in the folder in its
//! second, and waits for it.

use initrunner::plugin::process::{ProcessCommand, Target, run};
use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(script), Some(directory)) = (arguments.next(), arguments.next()) else {
        panic!("usage: dying_host SCRIPT DIRECTORY");
    };
    let command = ProcessCommand {
        target: Target::Script(script),
        within: directory.clone().into(),
        working_directory: directory.into(),
        read: Vec::new(),
        write: Vec::new(),
        network: false,
        environment: Vec::new(),
        secrets: Default::default(),
        timeout: Duration::from_secs(1000),
        max_output_bytes: 1000,
        protected: Vec::new(),
        supervisor: Some(initrunner_tests::binary()),
    };
    let result = run(command, Duration::from_secs(1000)).await;
    panic!("the script ended before the host was killed: {result:?}");
}
