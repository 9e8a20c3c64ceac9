//! The `initrunner` program.

fn main() {}
