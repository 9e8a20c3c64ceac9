//! The dashboard: over HTTP, as far as a test can ask what no browser sends, and in a real browser, as far as
//! people use it. Scripts of the browser are in `tests/clients/browser`, pictures in `target/screenshots`.

mod bad_input;
mod decide;
mod desk;
mod forgery;
mod headers;
mod hostile;
mod look;
mod path;
mod permission;
mod queue;
mod quick;
mod sign_in;
