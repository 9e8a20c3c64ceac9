//! Any component as a tool: one that does not know this host, and exports plain functions. Its types become
//! JSON Schemas, arguments become its values, and its results JSON.
//!
//! | WIT | JSON |
//! |---|---|
//! | `bool`, `string`, `char` | a boolean, a string, a string of one character |
//! | `u8` … `s32` | an integer within its bounds |
//! | `u64`, `s64` | an integer, or its digits as a string; a result beyond ±(2^53−1) is a string |
//! | `f32`, `f64` | a number, or its digits as a string; a result beyond ±(2^53−1) is a string, and so are `NaN`, `Infinity` and `-Infinity` |
//! | `list<u8>` | base64 (RFC 4648, section 4) |
//! | `list<T>`, `list<T, N>`, `tuple<…>` | an array |
//! | `map<K, V>` | an array of `[key, value]` |
//! | `record` | an object with its fields and no others |
//! | `variant` | `{"tag": CASE}` or `{"tag": CASE, "value": …}` |
//! | `enum`, `flags` | a string of its cases, an array of its names |
//! | `option<T>` | the value or `null`; a field or parameter may be left out; of an option in an option the inner is `{"some": …}` |
//! | `result<T, E>` | `{"ok": …}` or `{"err": …}` |
//!
//! Resources, streams, futures and error contexts have no JSON: functions with them are left out, by name.

mod call;
mod docs;
mod function;
mod read;
mod schema;
mod shape;
mod write;

pub(super) use function::{Function, Reflection};
pub(super) use read::{NoValue, named};
pub(super) use write::write;
