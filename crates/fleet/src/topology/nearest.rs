//! Guesses what a writer meant, and lists what is allowed.

/// The longest text that a message quotes whole, in characters.
const QUOTED: usize = 60;

/// The option nearest to what was written, when it is near enough to have been meant.
pub fn nearest<'a>(written: &str, options: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = written.to_lowercase();
    // One slip in three letters; nobody means a word of which half is wrong.
    let most = (written.chars().count() / 3).clamp(1, 4);
    options
        .into_iter()
        .map(|o| (strsim::damerau_levenshtein(&lower, &o.to_lowercase()), o))
        .filter(|(distance, o)| *distance <= most && *distance < o.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, o)| o)
}

/// A help that names the nearest option, or else all of them.
pub fn suggest(written: &str, kind: &str, options: &[&str]) -> String {
    match nearest(&shortened(written), options.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? {kind}: {}", listed(options)),
        None if options.is_empty() => format!("{kind}: none"),
        None => format!("{kind}: {}", listed(options)),
    }
}

/// Options as a sentence lists them: `a`, `b`, `c`; of very many only the first.
pub fn listed(options: &[&str]) -> String {
    let most = 16;
    let quoted: Vec<_> = options.iter().take(most).map(|o| format!("`{o}`")).collect();
    match options.len() > most {
        true => format!("{} and {} more", quoted.join(", "), options.len() - most),
        false => quoted.join(", "),
    }
}

/// A text as a message quotes it, on one line and not too long.
pub fn shortened(text: &str) -> String {
    let plain = |c: char| if is_unseen(c) { '\u{fffd}' } else { c };
    match text.chars().count() > QUOTED {
        true => text.chars().take(QUOTED - 1).map(plain).chain(['…']).collect(),
        false => text.chars().map(plain).collect(),
    }
}

/// Whether a character could change how a terminal shows others: control codes, and marks that turn
/// the direction of writing (Unicode TR 9), by which a line may look other than it is.
pub fn is_unseen(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || c.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found_and_a_far_one_is_not_guessed() {
        let options = ["live", "standby", "providers"];
        assert_eq!(nearest("provider", options), Some("providers"));
        assert_eq!(nearest("Live", options), Some("live"));
        assert_eq!(nearest("colour", options), None);
    }
}
