//! The server, as programs use it: what it answers real clients, and everything that is wrong with a
//! request.

mod ag_ui;
mod ai_sdk;
mod pages;
