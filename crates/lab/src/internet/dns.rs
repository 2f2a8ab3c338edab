//! Names (RFC 1035): the whole tree, as far as the lab has one, at each root server's address.
//!
//! `lab.example` and all names under it have the server's addresses, `siteN.lab.example` its
//! N-th ones.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use super::question::{A, AAAA};
use super::{DNS, ROOT4, ROOT6, seen};
use crate::layout::{INTERNET, Site};

const HEADER: usize = 12;
/// Record types (RFC 1035, section 3.2.2).
const NS: u16 = 2;
const SOA: u16 = 6;
/// Seconds that answers may be kept.
const TTL: u32 = 60;

/// Answers questions that come as datagrams.
pub async fn datagrams(socket: &UdpSocket) {
    let mut bytes = [0; 2048];
    loop {
        let Ok((count, from)) = socket.recv_from(&mut bytes).await else {
            continue;
        };
        seen("udp", DNS, from);
        if let Some(answer) = answer(&bytes[..count]) {
            // An answer that can't be sent is one that was lost.
            drop(socket.send_to(&answer, from).await);
        }
    }
}

/// Answers questions that come on one connection (RFC 1035, section 4.2.2).
pub async fn stream(mut stream: TcpStream) -> std::io::Result<()> {
    loop {
        let length = stream.read_u16().await?;
        let mut question = vec![0; usize::from(length)];
        stream.read_exact(&mut question).await?;
        if let Some(answer) = answer(&question) {
            // All our answers have one record or two.
            stream.write_u16(answer.len() as u16).await?;
            stream.write_all(&answer).await?;
        }
    }
}

/// What a question is answered.
enum Found {
    /// The name has these.
    Records(Vec<Record>),
    /// The name is there, without records of this type.
    Nothing,
    /// There is no such name.
    NoName,
}

enum Record {
    Address(IpAddr),
    /// The root's server, which is the only one that there is.
    Root,
}

/// The answer to a message; none to one that is no question.
fn answer(message: &[u8]) -> Option<Vec<u8>> {
    let is_question = message.len() > HEADER && message[2] & 0x80 == 0;
    let (labels, end) = name(message).filter(|_| is_question)?;
    let kind = u16::from_be_bytes(message.get(end..end + 2)?.try_into().ok()?);
    let question = message.get(HEADER..end + 4)?;
    let found = look_up(&labels, kind);
    let (code, records) = match found {
        Found::Records(records) => (0, records),
        Found::Nothing => (0, Vec::new()),
        Found::NoName => (3, Vec::new()),
    };
    let soa = u16::from(records.is_empty());
    let mut out = message[..2].to_vec();
    // An answer with authority; whether recursion was asked for is said back.
    out.extend([0x84 | (message[2] & 0x01), code]);
    for count in [1, records.len() as u16, soa, 0] {
        out.extend(count.to_be_bytes());
    }
    out.extend(question);
    records.iter().for_each(|record| put(&mut out, record));
    if soa == 1 {
        put_soa(&mut out);
    }
    Some(out)
}

/// The question's labels in lower case, and where its name ends.
fn name(message: &[u8]) -> Option<(Vec<String>, usize)> {
    let mut labels = Vec::new();
    let mut at = HEADER;
    loop {
        let length = usize::from(*message.get(at)?);
        at += 1;
        match length {
            0 => return Some((labels, at)),
            1..64 => {
                let label = String::from_utf8_lossy(message.get(at..at + length)?);
                labels.push(label.to_ascii_lowercase());
                at += length;
            }
            // A pointer has no place in a question.
            _ => return None,
        }
    }
}

fn look_up(labels: &[String], kind: u16) -> Found {
    let labels: Vec<_> = labels.iter().map(String::as_str).collect();
    match labels.as_slice() {
        [] if kind == NS => Found::Records(vec![Record::Root]),
        [_, "root-servers", "net"] => addresses(kind, ROOT4, ROOT6),
        [.., "lab", "example"] => {
            let site = site(labels[0]);
            addresses(kind, site.v4, site.v6)
        }
        [] | ["example" | "net"] | ["root-servers", "net"] => Found::Nothing,
        _ => Found::NoName,
    }
}

fn site(label: &str) -> Site {
    let number = label.strip_prefix("site").and_then(|n| n.parse().ok());
    number.and_then(|n| Site::internet().nth(n)).unwrap_or(INTERNET)
}

fn addresses(kind: u16, v4: Ipv4Addr, v6: Ipv6Addr) -> Found {
    match kind {
        A => Found::Records(vec![Record::Address(v4.into())]),
        AAAA => Found::Records(vec![Record::Address(v6.into())]),
        _ => Found::Nothing,
    }
}

/// The root server's name, as it stands in messages.
const ROOT_NAME: &[u8] = b"\x01a\x0croot-servers\x03net\x00";

fn put(out: &mut Vec<u8>, record: &Record) {
    match record {
        Record::Address(IpAddr::V4(a)) => put_record(out, ASKED, A, &a.octets()),
        Record::Address(IpAddr::V6(a)) => put_record(out, ASKED, AAAA, &a.octets()),
        Record::Root => put_record(out, ASKED, NS, ROOT_NAME),
    }
}

/// A pointer to the question's name.
const ASKED: &[u8] = &[0xc0, HEADER as u8];

fn put_record(out: &mut Vec<u8>, name: &[u8], kind: u16, data: &[u8]) {
    out.extend(name);
    out.extend(kind.to_be_bytes());
    out.extend(1u16.to_be_bytes());
    out.extend(TTL.to_be_bytes());
    // Every record of ours is shorter than a message may be.
    out.extend((data.len() as u16).to_be_bytes());
    out.extend(data);
}

/// The root's own record, for answers that there is nothing (RFC 2308).
fn put_soa(out: &mut Vec<u8>) {
    let mut data = [ROOT_NAME, ROOT_NAME].concat();
    for number in [1, TTL, TTL, TTL, TTL] {
        data.extend(number.to_be_bytes());
    }
    put_record(out, &[0], SOA, &data);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::internet::question::{addresses, ask};

    #[test]
    fn names_under_the_labs_own_have_addresses_in_both_families() {
        let v4 = answer(&ask("www.Lab.example", A)).unwrap();
        assert_eq!(addresses(&v4), Some(vec![INTERNET.v4.into()]));
        let v6 = answer(&ask("site3.lab.example", AAAA)).unwrap();
        assert_eq!(addresses(&v6), Some(vec![Site::internet().nth(3).unwrap().v6.into()]));
    }

    #[test]
    fn what_is_not_there_is_told_so_and_what_has_nothing_too() {
        assert_eq!(answer(&ask("example.org", A)).unwrap()[3], 3);
        let empty = answer(&ask("example", A)).unwrap();
        assert_eq!((empty[3], empty[7], empty[9]), (0, 0, 1));
        assert_eq!(answer(&ask("", NS)).unwrap()[7], 1);
    }

    #[test]
    fn what_is_no_question_is_not_answered() {
        let mut reply = ask("lab.example", A);
        reply[2] |= 0x80;
        for message in [&reply[..], &[], &[0; 12], &ask("lab.example", A)[..20]] {
            assert_eq!(answer(message), None);
        }
    }
}
