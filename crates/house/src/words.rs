//! What no file of the project may hold.

use crate::Complaints;
use crate::workspace::File;

/// Directories of one machine; put together here, so that this file does not hold them.
const MACHINE: [&str; 4] =
    [concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/Us", "ers/"), concat!("/t", "mp/")];
/// Marks of work that is not finished.
const UNFINISHED: [&str; 4] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
];

/// Paths of one machine, and marks of unfinished work.
pub fn misplaced(file: &File) -> Complaints {
    let mut complaints = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let at = format!("{}:{}", file.path, index + 1);
        if let Some(path) = MACHINE.iter().find(|path| line.contains(**path)) {
            complaints
                .push(format!("{at}: `{path}` is of one machine: take the path as an argument"));
        }
        if let Some(mark) = UNFINISHED.iter().find(|mark| line.contains(**mark)) {
            complaints.push(format!("{at}: `{mark}` marks unfinished work: finish it"));
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_found_with_its_line() {
        for word in MACHINE.iter().chain(&UNFINISHED) {
            let text = format!("x\ny {word}z\n");
            let found = misplaced(&File { path: "a".to_owned(), text });
            assert_eq!(found.len(), 1, "{word}");
            assert!(found[0].starts_with("a:2: "), "{found:?}");
        }
    }
}
