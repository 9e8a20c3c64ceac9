//! The word somebody most likely meant.

/// Longer words are no slips of the finger, and comparing them would cost time.
const LONGEST: usize = 64;

/// The candidate that `word` is most likely a misspelling of: letter case is free, and one slip in
/// four letters is allowed. Of equally near ones the first wins.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.is_empty() || word.len() > LONGEST {
        return None;
    }
    let plain = plain(word);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= LONGEST)
        .map(|candidate| (strsim::osa_distance(&plain, &self::plain(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len() / 4).max(1))
        // One letter is not a misspelling of another one.
        .filter(|(distance, _)| *distance < plain.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `base-url`, `baseUrl` and `base_url` are one word.
fn plain(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_other_words_are_not() {
        let keys = ["name", "approval", "permissions", "type"];
        assert_eq!(nearest("aproval", keys), Some("approval"));
        assert_eq!(nearest("tpye", keys), Some("type"));
        assert_eq!(nearest("Permission", keys), Some("permissions"));
        assert_eq!(nearest("colour", keys), None);
        assert_eq!(nearest("x", keys), None);
        assert_eq!(nearest("", keys), None);
        assert_eq!(nearest("n", ["m"]), None);
        assert_eq!(nearest("baseUrl", ["base_url"]), Some("base_url"));
        assert_eq!(nearest(&"x".repeat(100_000), keys), None);
    }
}
