//! Messages of ctnetlink (`linux/netfilter/nfnetlink_conntrack.h`), as far as they are needed.
//!
//! Written by hand, since a hundred thousand of them are read at a time and four fields of each
//! are looked at.

use crate::dataplane::conntrack::Mask;

/// A request's bytes.
pub type Marked = Vec<u8>;

/// `TCP_CONNTRACK_ESTABLISHED`, and two that are half closed.
pub const ESTABLISHED: u8 = 3;
pub const FIN_WAIT: u8 = 4;
pub const CLOSE_WAIT: u8 = 5;

const HEADER: usize = 16;
/// The header of netfilter's own after it: family, version and a number.
const GENERAL: usize = 4;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const NLM_F_DUMP: u16 = 0x300;
/// `NFNL_SUBSYS_CTNETLINK` in the high byte, and what is asked in the low one.
const GET: u16 = 1 << 8 | 1;
const DELETE: u16 = 1 << 8 | 2;
const STATISTICS: u16 = 1 << 8 | 4;

const CTA_TUPLE_ORIG: u16 = 1;
const CTA_STATUS: u16 = 3;
const CTA_PROTOINFO: u16 = 4;
const CTA_PROTOINFO_TCP: u16 = 1;
const CTA_PROTOINFO_TCP_STATE: u16 = 1;
const CTA_TIMEOUT: u16 = 7;
const CTA_MARK: u16 = 8;
const CTA_MARK_MASK: u16 = 21;
const CTA_STATS_INSERT_FAILED: u16 = 9;
/// `NLA_F_NESTED` and `NLA_F_NET_BYTEORDER` are no part of an attribute's number.
const NUMBER: u16 = 0x3fff;
const NESTED: u16 = 0x8000;
/// `IPS_SEEN_REPLY`.
const SEEN_REPLY: u32 = 1 << 1;

/// A connection, as far as it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flow<'a> {
    /// Its mark.
    pub mark: u32,
    /// Whether the other side has answered.
    pub answered: bool,
    /// The state of a TCP connection; none for other protocols.
    pub tcp: Option<u8>,
    /// How long it will be remembered without another packet, in seconds.
    pub timeout: u32,
    /// `AF_INET` or `AF_INET6`.
    pub family: u8,
    /// Who spoke first to whom, as the kernel writes it.
    pub original: &'a [u8],
}

/// What the kernel says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer<'a> {
    /// A connection.
    Flow(Flow<'a>),
    /// Connections that one CPU could not begin.
    Unbegun(u32),
    /// There is no more.
    Done,
    /// A request failed, with an error of the system.
    Failed(i32),
}

/// Asks for all connections, or for those of a mark.
pub fn list(only: Option<Mask>) -> Marked {
    request(GET, NLM_F_DUMP, 0, &only.map(filter).unwrap_or_default())
}

/// Asks for what each CPU has counted.
pub fn statistics() -> Marked {
    request(STATISTICS, NLM_F_DUMP, 0, &[])
}

/// Takes down all connections, or those of a mark.
pub fn forget(only: Option<Mask>) -> Marked {
    request(DELETE, NLM_F_ACK, 0, &only.map(filter).unwrap_or_default())
}

/// Takes down one connection.
pub fn forget_one(flow: &Flow<'_>) -> Marked {
    request(DELETE, NLM_F_ACK, flow.family, &attribute(CTA_TUPLE_ORIG | NESTED, flow.original))
}

fn filter(only: Mask) -> Vec<u8> {
    let mark = attribute(CTA_MARK, &only.mark.to_be_bytes());
    [mark, attribute(CTA_MARK_MASK, &only.mask.to_be_bytes())].concat()
}

fn request(kind: u16, flags: u16, family: u8, body: &[u8]) -> Marked {
    let length = (HEADER + GENERAL + body.len()) as u32;
    let mut bytes = Vec::with_capacity(length as usize);
    bytes.extend(length.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend((flags | NLM_F_REQUEST).to_ne_bytes());
    bytes.extend([1_u32, 0].map(u32::to_ne_bytes).concat());
    bytes.extend([family, 0, 0, 0]);
    bytes.extend(body);
    bytes
}

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = (4 + value.len()) as u16;
    let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend(value);
    bytes.resize(aligned(bytes.len()), 0);
    bytes
}

const fn aligned(length: usize) -> usize {
    (length + 3) & !3
}

/// What one packet from the kernel says. What can't be read ends it.
pub fn answers(mut bytes: &[u8]) -> impl Iterator<Item = Answer<'_>> {
    std::iter::from_fn(move || {
        let length = number32(bytes.get(..4)?) as usize;
        let message = bytes.get(..length).filter(|m| m.len() >= HEADER)?;
        bytes = bytes.get(aligned(length)..).unwrap_or_default();
        let body = &message[HEADER..];
        Some(match number16(&message[4..6]) {
            NLMSG_DONE => Answer::Done,
            NLMSG_ERROR => match body.get(..4).map_or(0, |e| number32(e) as i32) {
                0 => Answer::Done,
                error => Answer::Failed(-error),
            },
            STATISTICS => Answer::Unbegun(unbegun(body)),
            _ => Answer::Flow(flow(body)),
        })
    })
}

fn unbegun(body: &[u8]) -> u32 {
    let mut all = attributes(body.get(GENERAL..).unwrap_or_default());
    all.find(|(kind, _)| *kind == CTA_STATS_INSERT_FAILED).map_or(0, |(_, value)| big32(value))
}

fn flow(body: &[u8]) -> Flow<'_> {
    let family = body.first().copied().unwrap_or(0);
    let mut flow = Flow { mark: 0, answered: false, tcp: None, timeout: 0, family, original: &[] };
    for (kind, value) in attributes(body.get(GENERAL..).unwrap_or_default()) {
        match kind {
            CTA_TUPLE_ORIG => flow.original = value,
            CTA_STATUS => flow.answered = big32(value) & SEEN_REPLY != 0,
            CTA_PROTOINFO => flow.tcp = tcp_state(value),
            CTA_TIMEOUT => flow.timeout = big32(value),
            CTA_MARK => flow.mark = big32(value),
            _ => {}
        }
    }
    flow
}

fn tcp_state(info: &[u8]) -> Option<u8> {
    let (_, tcp) = attributes(info).find(|(kind, _)| *kind == CTA_PROTOINFO_TCP)?;
    let (_, state) = attributes(tcp).find(|(kind, _)| *kind == CTA_PROTOINFO_TCP_STATE)?;
    state.first().copied()
}

fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(number16(bytes.get(..2)?));
        let kind = number16(bytes.get(2..4)?) & NUMBER;
        let value = bytes.get(4..length)?;
        bytes = bytes.get(aligned(length)..).unwrap_or_default();
        Some((kind, value))
    })
}

fn number16(bytes: &[u8]) -> u16 {
    bytes.try_into().map_or(0, u16::from_ne_bytes)
}

fn number32(bytes: &[u8]) -> u32 {
    bytes.try_into().map_or(0, u32::from_ne_bytes)
}

fn big32(bytes: &[u8]) -> u32 {
    bytes.try_into().map_or(0, u32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn connection() -> Vec<u8> {
        let state = attribute(CTA_PROTOINFO_TCP_STATE, &[ESTABLISHED]);
        let body = [
            attribute(CTA_TUPLE_ORIG | NESTED, b"who"),
            attribute(CTA_STATUS, &SEEN_REPLY.to_be_bytes()),
            attribute(CTA_PROTOINFO | NESTED, &attribute(CTA_PROTOINFO_TCP | NESTED, &state)),
            attribute(CTA_TIMEOUT, &7_000_u32.to_be_bytes()),
            attribute(CTA_MARK, &5_u32.to_be_bytes()),
        ];
        request(1 << 8, 0, 10, &body.concat())
    }

    #[test]
    fn a_connection_is_read_with_what_follows_it() {
        let done = request(NLMSG_DONE, 0, 0, &[]);
        let bytes = [connection(), done].concat();
        let flow = Flow {
            mark: 5,
            answered: true,
            tcp: Some(ESTABLISHED),
            timeout: 7_000,
            family: 10,
            original: b"who",
        };
        assert_eq!(answers(&bytes).collect::<Vec<_>>(), [Answer::Flow(flow), Answer::Done]);
    }

    #[test]
    fn a_refusal_is_the_systems_error() {
        let mut refused = request(NLMSG_ERROR, 0, 0, &[]);
        refused[HEADER..HEADER + 4].copy_from_slice(&(-2_i32).to_ne_bytes());
        assert_eq!(answers(&refused).next(), Some(Answer::Failed(2)));
    }

    #[test]
    fn what_a_cpu_could_not_begin_is_read_from_its_numbers() {
        let numbers = [(8, 1_u32), (CTA_STATS_INSERT_FAILED, 70_000), (10, 3)];
        let body: Vec<u8> =
            numbers.iter().flat_map(|(kind, n)| attribute(*kind, &n.to_be_bytes())).collect();
        let bytes = [request(STATISTICS, 0, 0, &body), request(STATISTICS, 0, 0, &[])].concat();
        let read: Vec<_> = answers(&bytes).collect();
        assert_eq!(read, [Answer::Unbegun(70_000), Answer::Unbegun(0)]);
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_reader(mut noise in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = answers(&noise).count();
            let length = (noise.len() as u32).to_ne_bytes();
            noise.splice(..noise.len().min(4), length);
            let _ = answers(&noise).count();
        }
    }
}
