//! Suggestions for mistyped names: "did you mean ...?"

/// The name of `names` that `word` is probably meant to be: the one with the fewest letters that differ, at most two.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = names.into_iter().map(|name| (distance(word, name), name)).min()?;
    (near.0 <= 2).then_some(near.1)
}

/// How many letters differ between two keys: inserted, removed or replaced (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    // Keys are short: this bounds the work for a long argument.
    if one.len().abs_diff(other.len()) > 2 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.bytes().enumerate() {
            let best = (diagonal + usize::from(a != b)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], best);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_differs_in_two_letters_at_most() {
        assert_eq!(nearest("acces_token", ["api_domain", "access_token"]), Some("access_token"));
        assert_eq!(nearest("time_out", ["timeout_ms"]), None);
    }

    #[test]
    fn letters_that_differ() {
        for (one, other, letters) in [
            ("", "", 0),
            ("ab", "ab", 0),
            ("ab", "", 2),
            ("", "ab", 2),
            ("abc", "axc", 1),
            ("abcd", "abd", 1),
            ("abd", "abcd", 1),
            ("ba", "ab", 2),
            ("abcd", "xyzw", 4),
            ("timeout", "tmieout_", 3),
            ("abc", "", usize::MAX),
            ("", "abc", usize::MAX),
        ] {
            assert_eq!(distance(one, other), letters, "{one} {other}");
        }
    }
}
