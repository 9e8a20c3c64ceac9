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
mod quick;
mod sign_in;

/// Whether what other parts of the dashboard bring is there: who was first on a card, and keys of the queue.
const OTHER_PARTS: bool = true;
