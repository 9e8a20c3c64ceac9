//! Races.
use super::Table;

/// How many.
pub const CROWDS: [usize; 3] = [2, 8, 64];

/// Table.
pub fn table(_crowds: &[usize]) -> Table {
    Table::default()
}
