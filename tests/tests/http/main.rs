//! The server, as programs use it: what it answers real clients, and everything that is wrong with a
//! request.

mod clients;
mod roles;
mod status;
