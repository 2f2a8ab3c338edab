//! Files of ours and of the tool's own, and what becomes of damaged ones.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Output};

use damm_age::{Entropy, Error, Identity, Recipient, armor, open, seal};
use damm_needs::{Need, unmet};
use proptest::prelude::*;

fn identity(n: u8) -> Identity {
    Identity::new([n; 32])
}

fn sealed(text: &[u8], to: &[u8]) -> Vec<u8> {
    let to: Vec<_> = to.iter().map(|n| identity(*n).recipient()).collect();
    seal(text, &to, &Entropy::new([9; 32]))
}

#[test]
fn a_key_is_written_as_age_writes_it() {
    // The example of age's own manual: `age-keygen` made it, `age-keygen -y` its other half.
    let text = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
    let key: Identity = text.parse().unwrap();
    assert_eq!(*key.to_text(), text);
    assert_eq!(format!("{key:?}"), "Identity(…)");
    let public = key.recipient().to_string();
    assert_eq!(public, "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj");
    assert_eq!(public.parse(), Ok(key.recipient()));
}

#[test]
fn a_text_that_is_no_key_is_refused() {
    let (secret, public) = (identity(1).to_text(), identity(1).recipient().to_string());
    let mixed = format!("{}{}", &secret[..20], secret[20..].to_lowercase());
    let other = if secret.ends_with('Q') { "P" } else { "Q" };
    let changed = format!("{}{other}", &secret[..secret.len() - 1]);
    for bad in ["", "AGE-SECRET-KEY-1", &secret[1..], &mixed, &changed, &public, "ü"] {
        assert!(bad.parse::<Identity>().is_err(), "{bad:?} was taken");
    }
    for bad in [&public[..61], &public.to_uppercase(), &secret, &format!("{public}q")] {
        assert!(bad.parse::<Recipient>().is_err(), "{bad:?} was taken");
    }
}

#[test]
fn a_file_is_for_its_recipients_alone() {
    let file = sealed(b"told to two", &[1, 2]);
    for n in [1, 2] {
        assert_eq!(open(&file, &identity(n)).unwrap(), b"told to two");
    }
    assert_eq!(open(&file, &identity(3)), Err(Error::NotForUs));
    assert_eq!(open(&sealed(b"told to nobody", &[]), &identity(1)), Err(Error::NotForUs));
}

#[test]
fn a_recipient_that_has_no_secret_key_opens_nothing() {
    // The point of order 1: all secret keys share zeros with it.
    let file = seal(b"x", &[Recipient::new([0; 32])], &Entropy::new([9; 32]));
    assert_eq!(open(&file, &identity(1)), Err(Error::NotForUs));
}

#[test]
fn texts_of_every_length_about_a_piece_come_back() {
    let piece = 64 * 1024;
    for length in [0, 1, piece - 1, piece, piece + 1, 2 * piece, 2 * piece + 7] {
        let text = vec![b'x'; length];
        assert_eq!(open(&sealed(&text, &[1]), &identity(1)), Ok(text), "{length}");
    }
}

#[test]
fn pieces_are_not_cut_off_doubled_or_changed_about() {
    let piece = 64 * 1024 + 16;
    let file = sealed(&vec![b'x'; 3 * 64 * 1024], &[1]);
    let at = |n: usize| file.len() - (3 - n) * piece;
    let part = |n: usize| &file[at(n)..at(n + 1)];
    let head = &file[..at(0)];
    let all = [
        [head, part(0), part(1)].concat(),
        [head, part(0)].concat(),
        [head, part(1), part(0), part(2)].concat(),
        [head, part(0), part(0), part(1), part(2)].concat(),
        [head, part(0), part(1), part(2), part(2)].concat(),
        head.to_vec(),
        file[..at(0) - 1].to_vec(),
    ];
    for damaged in all {
        assert_eq!(open(&damaged, &identity(1)), Err(Error::Damaged));
    }
}

#[test]
fn a_header_that_was_changed_is_refused() {
    let text = sealed(b"x", &[1]);
    let end = text.windows(4).position(|w| w == b"--- ").unwrap();
    // A stanza of another type may stand there for others, but not be put in afterwards.
    let strange = [&text[..end], b"-> other arg\nAAAA\n", &text[end..]].concat();
    assert_eq!(open(&strange, &identity(1)), Err(Error::Damaged));
    let whole = String::from_utf8_lossy(&text[..end]).into_owned();
    let bad = [
        whole.replace("/v1", "/v2"),
        whole.replace('\n', "\r\n"),
        whole.replace("-> X25519", "->  X25519"),
        whole.replace("-> X25519 ", "-> X25519 A"),
        whole.replace("-> X25519 ", "-> X25519 a "),
        whole.replacen("-> ", "-> \u{7f}", 1),
    ];
    for bad in bad {
        let file = [bad.as_bytes(), &text[end..]].concat();
        assert_eq!(open(&file, &identity(1)), Err(Error::NotAge), "{bad}");
    }
    assert_eq!(open(b"", &identity(1)), Err(Error::NotAge));
}

fn run(dir: &Path, words: &[&str]) -> Output {
    Command::new(words[0]).args(&words[1..]).current_dir(dir).output().unwrap()
}

#[test]
fn age_itself_opens_our_files_and_we_open_its() {
    if unmet(&[Need::Program("age"), Need::Program("age-keygen")]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let key = identity(1);
    std::fs::write(dir.path().join("key"), format!("{}\n", *key.to_text())).unwrap();
    let made = run(dir.path(), &["age-keygen", "-y", "key"]).stdout;
    assert_eq!(String::from_utf8(made).unwrap().trim(), key.recipient().to_string());
    for length in [0, 1, 64 * 1024, 64 * 1024 + 1, 200_000] {
        let text: Vec<u8> = (0..length).map(|i: u32| ((i * 31) >> 3) as u8).collect();
        std::fs::write(dir.path().join("ours"), sealed(&text, &[2, 1])).unwrap();
        let opened = run(dir.path(), &["age", "-d", "-i", "key", "ours"]);
        assert!(opened.status.success(), "{}", String::from_utf8_lossy(&opened.stderr));
        assert!(opened.stdout == text, "{length}");
        std::fs::write(dir.path().join("armoured"), armor(&sealed(&text, &[1]))).unwrap();
        let opened = run(dir.path(), &["age", "-d", "-i", "key", "armoured"]);
        assert!(opened.stdout == text, "{length}");
        std::fs::write(dir.path().join("text"), &text).unwrap();
        let (one, other) = (identity(2).recipient().to_string(), key.recipient().to_string());
        let sealed = run(dir.path(), &["age", "-r", &one, "-r", &other, "text"]).stdout;
        assert!(open(&sealed, &key).unwrap() == text, "{length}");
    }
}

proptest! {
    #[test]
    fn whatever_is_sealed_comes_back(
        text in prop::collection::vec(any::<u8>(), 0..300), key in any::<[u8; 32]>(),
        entropy in any::<[u8; 32]>(),
    ) {
        let key = Identity::new(key);
        let file = seal(&text, &[key.recipient()], &Entropy::new(entropy));
        prop_assert_eq!(open(&file, &key), Ok(text.clone()));
        prop_assert_eq!(seal(&text, &[key.recipient()], &Entropy::new(entropy)), file);
        prop_assert_eq!(key.to_text().parse::<Identity>().unwrap().recipient(), key.recipient());
    }

    #[test]
    fn no_bit_of_a_file_can_be_changed(place in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let mut file = sealed(b"told to one", &[1]);
        let at = place.index(file.len());
        file[at] ^= 1_u8 << bit;
        prop_assert!(open(&file, &identity(1)).is_err());
    }

    #[test]
    fn any_bytes_are_answered(
        bytes in prop::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(), text in any::<String>(),
    ) {
        prop_assert!(open(&bytes, &identity(1)).is_err());
        let mut file = sealed(b"told to one", &[1]);
        file.truncate(cut.index(file.len()));
        prop_assert!(open(&file, &identity(1)).is_err());
        let at = at.index(file.len() + 1);
        file.splice(at..at, bytes);
        let _ = open(&file, &identity(1));
        prop_assert!(text.parse::<Identity>().is_err() && text.parse::<Recipient>().is_err());
    }
}
