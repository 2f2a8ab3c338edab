//! Asking for a name's addresses (RFC 1035).

use std::net::IpAddr;

/// Record types (RFC 1035, section 3.2.2; RFC 3596).
pub const A: u16 = 1;
/// The same for IPv6.
pub const AAAA: u16 = 28;

const HEADER: usize = 12;

/// A question for a name's records of a type. Its number is always the same: whoever asks has a
/// socket of its own for it.
pub fn ask(name: &str, kind: u16) -> Vec<u8> {
    let mut message = vec![0xda, 0x44, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.').filter(|l| !l.is_empty()) {
        // Labels are shorter than 64 bytes (RFC 1035, section 2.3.4).
        message.push(label.len() as u8);
        message.extend(label.bytes());
    }
    message.push(0);
    message.extend(kind.to_be_bytes());
    message.extend(1u16.to_be_bytes());
    message
}

/// The addresses in an answer; none when it is no answer, or says that something is wrong.
pub fn addresses(answer: &[u8]) -> Option<Vec<IpAddr>> {
    let good = answer.get(2)? & 0x80 != 0 && answer.get(3)? & 0x0f == 0;
    let count = u16::from_be_bytes(answer.get(6..8)?.try_into().ok()?);
    let mut at = skip_name(answer, HEADER).filter(|_| good)? + 4;
    let mut found = Vec::new();
    for _ in 0..count {
        at = skip_name(answer, at)?;
        let kind = u16::from_be_bytes(answer.get(at..at + 2)?.try_into().ok()?);
        let length = usize::from(u16::from_be_bytes(answer.get(at + 8..at + 10)?.try_into().ok()?));
        let data = answer.get(at + 10..at + 10 + length)?;
        at += 10 + length;
        match kind {
            A => found.push(<[u8; 4]>::try_from(data).ok()?.into()),
            AAAA => found.push(<[u8; 16]>::try_from(data).ok()?.into()),
            _ => {}
        }
    }
    Some(found)
}

/// Where a name ends.
fn skip_name(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match usize::from(*message.get(at)?) {
            0 => return Some(at + 1),
            length @ 1..64 => at += 1 + length,
            // A pointer ends a name (RFC 1035, section 4.1.4).
            _ => return Some(at + 2),
        }
    }
}
