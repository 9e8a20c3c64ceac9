//! The server, as programs use it: what it answers real clients, everything that is wrong with a request,
//! and clients that behave badly.

mod ag_ui;
mod ai_sdk;
mod clients;
mod conversation;
mod end;
mod list;
mod pages;
mod repeat;
mod robust;
mod roles;
mod schema;
mod status;
mod watch;
