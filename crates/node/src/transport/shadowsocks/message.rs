//! Questions for names and their answers, as resolvers speak (RFC 1035, section 4.1).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Record types (RFC 1035, section 3.2.2; RFC 3596).
pub(super) const A: u16 = 1;
pub(super) const AAAA: u16 = 28;

/// A question with recursion wanted (RFC 1035, section 4.1); `None` when the name can't be one.
pub(super) fn question(id: [u8; 2], host: &str, kind: u16) -> Option<Vec<u8>> {
    let mut message = vec![id[0], id[1], 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    let host = host.strip_suffix('.').unwrap_or(host);
    for label in host.split('.') {
        let length = u8::try_from(label.len()).ok().filter(|l| (1..64).contains(l))?;
        message.push(length);
        message.extend(label.as_bytes());
    }
    message.push(0);
    if message.len() > 12 + 255 {
        return None;
    }
    message.extend(kind.to_be_bytes());
    message.extend([0, 1]);
    Some(message)
}

/// The message, if it answers just this question.
pub(super) fn matching<'a>(question: &[u8], message: &'a [u8]) -> Option<&'a [u8]> {
    let same = message.len() >= question.len()
        && message[..2] == question[..2]
        && message[2] & 0x80 != 0
        && message[4..6] == [0, 1]
        && message[12..question.len()].eq_ignore_ascii_case(&question[12..]);
    same.then_some(message)
}

/// Whether the answer did not fit into its packet.
pub(super) const fn is_cut(message: &[u8]) -> bool {
    message[2] & 2 != 0
}

/// The addresses in an answer, whatever names they stand for: aliases were followed by the
/// resolver. `None` when it is damaged, or says that it failed.
pub(super) fn addresses(message: &[u8], mut at: usize) -> Option<Vec<IpAddr>> {
    let code = message[3] & 0xf;
    if code != 0 {
        // 3: there is no such name.
        return (code == 3).then(Vec::new);
    }
    let count = u16::from_be_bytes([message[6], message[7]]);
    let mut found = Vec::new();
    for _ in 0..count {
        at = after_name(message, at)?;
        let head = message.get(at..at + 10)?;
        let length = usize::from(u16::from_be_bytes([head[8], head[9]]));
        let data = message.get(at + 10..at + 10 + length)?;
        found.extend(address(u16::from_be_bytes([head[0], head[1]]), data));
        at += 10 + length;
    }
    Some(found)
}

fn address(kind: u16, data: &[u8]) -> Option<IpAddr> {
    match kind {
        A => Some(Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?).into()),
        AAAA => Some(Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?).into()),
        _ => None,
    }
}

/// Where a name ends: at an empty label, or at a pointer (RFC 1035, section 4.1.4).
fn after_name(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *message.get(at)? {
            0 => return Some(at + 1),
            pointer if pointer >= 0xc0 => return Some(at + 2),
            length => at += 1 + usize::from(length),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer with an alias and an address, as resolvers write them.
    fn answer(question: &[u8]) -> Vec<u8> {
        let mut message = question.to_vec();
        message[2] = 0x81;
        message[7] = 2;
        message.extend([0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 4, 1, b'b', 0xc0, 14]);
        message.extend([1, b'b', 0xc0, 14, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 7]);
        message
    }

    #[test]
    fn an_answer_gives_its_addresses_past_aliases() {
        let question = question([1, 2], "a.example", A).unwrap();
        let answer = answer(&question);
        let matched = matching(&question, &answer).unwrap();
        let expected: IpAddr = "192.0.2.7".parse().unwrap();
        assert_eq!(addresses(matched, question.len()), Some(vec![expected]));
    }

    #[test]
    fn an_answer_to_another_question_is_none() {
        let asked = question([1, 2], "a.example", A).unwrap();
        for other in [question([1, 3], "a.example", A), question([1, 2], "b.example", A)] {
            assert_eq!(matching(&asked, &answer(&other.unwrap())), None);
        }
        assert!(matching(&asked, &asked).is_none());
    }

    #[test]
    fn no_cut_or_turned_byte_of_an_answer_is_more_than_an_error() {
        let question = question([1, 2], "a.example", A).unwrap();
        let answer = answer(&question);
        for cut in question.len()..answer.len() {
            let matched = matching(&question, &answer[..cut]).unwrap();
            assert_eq!(addresses(matched, question.len()), None, "{cut}");
        }
        for at in question.len()..answer.len() {
            for value in [0, 63, 64, 192, 255] {
                let mut damaged = answer.clone();
                damaged[at] = value;
                // It may be read or not; it must end.
                drop(addresses(&damaged, question.len()));
            }
        }
    }

    #[test]
    fn a_name_that_cannot_be_asked_for_is_refused() {
        for name in ["", "a..b", &"a".repeat(64), &"abc.".repeat(70)] {
            assert_eq!(question([0, 0], name, A), None, "{name}");
        }
        assert_eq!(question([0, 0], "a.b.", A), question([0, 0], "a.b", A));
    }
}
