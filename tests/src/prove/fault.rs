//! Faults.
use super::Table;
/// Table.
pub fn table() -> Table {
    Table::default()
}
