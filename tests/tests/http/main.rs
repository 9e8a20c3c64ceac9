//! The server, as programs use it: what it answers real clients, everything that is wrong with a request,
//! and clients that behave badly.

mod clients;
mod robust;
mod roles;
mod schema;
mod status;
