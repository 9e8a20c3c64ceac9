//! What a client would rather have (RFC 7240).

use axum::http::HeaderMap;

/// Whether it would rather be answered at once and look for the outcome itself.
pub(super) fn respond_async(headers: &HeaderMap) -> bool {
    let values = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let mut words = values.flat_map(|value| value.split(','));
    words.any(|word| {
        let name = word.split([';', '=']).next().unwrap_or_default();
        name.trim().eq_ignore_ascii_case("respond-async")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preference_is_found_among_others() {
        let check = |values: &[&str], expected| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append("prefer", value.parse().unwrap());
            }
            assert_eq!(respond_async(&headers), expected, "{values:?}");
        };
        check(&[], false);
        check(&["respond-async"], true);
        check(&["return=minimal, Respond-Async; foo"], true);
        check(&["wait=10", "respond-async, wait=10"], true);
        check(&["respond-asynchronously"], false);
        check(&["handling=respond-async"], false);
    }
}
