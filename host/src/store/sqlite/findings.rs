//! What a check finds: the first few sentences, and how many more there would be.

/// How many sentences are kept: enough to see what kind of thing happened, and few enough to read.
const MOST: usize = 10;

/// Sentences for a person, in the order in which they were found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) sentences: Vec<String>,
    /// Found beyond those.
    pub(super) left_out: u64,
}

impl Findings {
    /// Adds one; made only where it is kept, since there may be as many as rows.
    pub(super) fn add(&mut self, sentence: impl FnOnce() -> String) {
        if self.sentences.len() < MOST {
            self.sentences.push(sentence());
        } else {
            self.left_out += 1;
        }
    }

    /// Adds those of another part after these.
    pub(super) fn append(&mut self, other: Findings) {
        for sentence in other.sentences {
            self.add(|| sentence);
        }
        self.left_out += other.left_out;
    }
}
