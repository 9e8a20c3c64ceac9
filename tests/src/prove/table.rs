//! Counting trials, and printing what was counted.

use super::Wrong;
use std::fmt;

/// What was counted for one kind of trial.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// The kind.
    pub name: String,
    /// How many there were.
    pub trials: usize,
    /// In how many something was lost.
    pub lost: usize,
    /// In how many something happened more often than allowed.
    pub doubled: usize,
    /// How many calls of unknown outcome had happened.
    pub happened: usize,
    /// How many calls of unknown outcome had not.
    pub not_happened: usize,
    /// In how many something untrue was said.
    pub untrue: usize,
    /// What was wrong, trial by trial.
    pub problems: Vec<String>,
}

impl Row {
    /// Nothing counted yet.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Counts a trial.
    pub fn count(&mut self, trial: &str, outcome: Result<(), Wrong>) {
        self.trials += 1;
        let Err(wrong) = outcome else { return };
        match wrong {
            Wrong::Lost(_) => self.lost += 1,
            Wrong::Doubled(_) => self.doubled += 1,
            Wrong::Untrue(_) => self.untrue += 1,
        }
        self.problems.push(format!("{} ({trial}): {}", self.name, wrong.text()));
    }

    /// Adds another row's numbers.
    pub fn add(&mut self, other: &Row) {
        self.trials += other.trials;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.happened += other.happened;
        self.not_happened += other.not_happened;
        self.untrue += other.untrue;
        self.problems.extend(other.problems.iter().cloned());
    }

    fn cells(&self) -> [usize; 6] {
        [self.trials, self.lost, self.doubled, self.happened, self.not_happened, self.untrue]
    }
}

/// Rows under a title.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// What was done.
    pub title: String,
    /// By kind.
    pub rows: Vec<Row>,
}

impl Table {
    /// Everything that was wrong.
    pub fn problems(&self) -> Vec<&str> {
        self.rows.iter().flat_map(|row| &row.problems).map(String::as_str).collect()
    }

    /// The sum of all rows.
    pub fn total(&self) -> Row {
        let mut total = Row::new("all");
        self.rows.iter().for_each(|row| total.add(row));
        total
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.total();
        let rows = || self.rows.iter().chain([&total]);
        let wide = rows().map(|row| row.name.chars().count()).max().unwrap_or(0).max(8);
        writeln!(f, "{}", self.title)?;
        writeln!(f, "{:wide$}  trials  lost  doubled  unknown: happened  had not  untrue", "what")?;
        for row in rows() {
            let [trials, lost, doubled, happened, not, untrue] = row.cells();
            writeln!(
                f,
                "{:wide$}  {trials:6}  {lost:4}  {doubled:7}  {happened:17}  {not:7}  {untrue:6}",
                row.name
            )?;
        }
        Ok(())
    }
}
