//! The daemon of the real program: what it accepts, what it refuses, and what it does when it is stopped,
//! killed or changed.

mod clock;
mod end;
mod example;
mod expire;
mod file;
mod limit;
mod reload;
mod role;
mod service;
mod start;
mod webhook;
