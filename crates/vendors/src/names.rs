//! Names that vendors know our things by.

use damm_clouds::Tag;
use sha2::{Digest, Sha256};

/// The name of one attempt to make something: the same for the same attempt, another for the next,
/// so that what is still being taken down is in nobody's way. It holds what it is for people who
/// look at the account, a hyphen, and twelve hexadecimal digits: at most 48 of `[a-z0-9-]`, a valid
/// host name (RFC 1123).
pub fn attempt(tag: &Tag, idempotency_key: &str) -> String {
    let digest = Sha256::digest(format!("{tag}\n{idempotency_key}").as_bytes());
    let short: String = digest.iter().take(6).map(|b| format!("{b:02x}")).collect();
    format!("{}-{short}", tag.subject)
}

#[cfg(test)]
mod tests {
    use damm_fleet::Seed;

    use super::*;

    #[test]
    fn each_attempt_has_a_name_of_its_own_that_stays_the_same() {
        let mut seed = Seed::from_number(3);
        let tag = Tag { fleet: "a".to_owned(), subject: seed.node().into() };
        let other = Tag { fleet: "b".to_owned(), ..tag.clone() };
        let names = [attempt(&tag, "1"), attempt(&tag, "2"), attempt(&other, "1")];
        assert_eq!(names[0], attempt(&tag, "1"));
        assert!(names[0] != names[1] && names[0] != names[2]);
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(names.iter().all(|n| n.len() <= 48 && n.chars().all(fits)), "{names:?}");
    }
}
