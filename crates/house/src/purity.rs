//! What the sources of inner rooms may not say.

use crate::Complaints;
use crate::workspace::File;

/// Words that reach for the world, with what to do instead.
const REACHING: &[(&str, &str)] = &[
    ("SystemTime::now", "take the time as an argument"),
    ("Instant::now", "take the time as an argument"),
    ("Timestamp::now", "take the time as an argument"),
    ("Zoned::now", "take the time as an argument"),
    ("TcpStream", "leave sockets to an outer room"),
    ("TcpListener", "leave sockets to an outer room"),
    ("UdpSocket", "leave sockets to an outer room"),
    ("UnixStream", "leave sockets to an outer room"),
    ("ToSocketAddrs", "leave sockets to an outer room"),
    ("async fn", "return what should be done, and let an outer room do it"),
    ("async move", "return what should be done, and let an outer room do it"),
    (".await", "return what should be done, and let an outer room do it"),
    ("std::fs", "take the text as an argument"),
    ("std::io::std", "return the text"),
    ("println!(", "return the text"),
    ("print!(", "return the text"),
    ("std::env", "take the value as an argument"),
    ("std::process", "leave processes to an outer room"),
    ("thread::sleep", "take the time as an argument"),
    ("thread::spawn", "leave threads to an outer room"),
    ("thread_rng", "take a seeded generator as an argument"),
    ("OsRng", "take a seeded generator as an argument"),
    ("SysRng", "take a seeded generator as an argument"),
    ("RandomState", "use BTreeMap or BTreeSet: their order is the same each time"),
    ("HashMap", "use BTreeMap: its order is the same each time"),
    ("HashSet", "use BTreeSet: its order is the same each time"),
];

/// Words in a source file that reach for the world. Comments and tests may hold them.
pub fn reaching(file: &File) -> Complaints {
    if is_test(&file.path) {
        return Vec::new();
    }
    let mut complaints = Vec::new();
    for (number, line) in program(&file.text) {
        for (word, instead) in REACHING.iter().filter(|(word, _)| line.contains(word)) {
            let path = &file.path;
            complaints.push(format!("{path}:{number}: `{word}` in an inner room: {instead}"));
        }
    }
    complaints
}

fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs") || path.contains("/benches/")
}

/// The lines that end up in the program: up to the first `#[cfg(test)]` on a module of its own
/// file, and without comments.
fn program(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let lines = text[..end].lines().enumerate();
    lines.map(|(index, line)| (index + 1, line.split("//").next().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(path: &str, text: &str) -> usize {
        reaching(&File { path: path.to_owned(), text: text.to_owned() }).len()
    }

    #[test]
    fn each_word_is_found_in_the_program() {
        for (word, _) in REACHING {
            let text = format!("fn f() {{\n    {word}();\n}}\n");
            assert!(complaints("crates/fleet/src/x.rs", &text) > 0, "{word} was not found");
        }
    }

    #[test]
    fn comments_and_tests_may_say_what_the_program_may_not() {
        let comment = "/// Never `SystemTime::now`.\nfn f() {} // std::fs\n";
        assert_eq!(complaints("crates/fleet/src/x.rs", comment), 0);
        let test = "fn f() {}\n\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n";
        assert_eq!(complaints("crates/fleet/src/x.rs", test), 0);
        assert_eq!(complaints("crates/fleet/tests/x.rs", "use std::fs;"), 0);
    }

    #[test]
    fn the_line_is_named() {
        let text = "//! Doc.\n\nuse std::fs;\n".to_owned();
        let found = reaching(&File { path: "a.rs".to_owned(), text });
        assert!(found[0].starts_with("a.rs:3: `std::fs`"), "{found:?}");
    }
}
