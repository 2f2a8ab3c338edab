//! The kernel's connections: counted, and taken down.
//!
//! # Caveats
//!
//! A remembered connection is not a live one: TCP ones are remembered for two hours after their
//! last packet, and are counted for ten minutes.

mod message;

use std::collections::BTreeMap;
use std::io;

use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_NETFILTER;

pub use message::Flow;
use message::{Answer, Marked};

/// How long an established TCP connection is remembered after its last packet, in seconds.
pub const ESTABLISHED: u32 = 7_440;
/// How long without a packet a TCP connection counts as live, in seconds.
const LIVE: u32 = 600;
/// While data is not acknowledged the kernel remembers a connection for so long, in seconds.
const UNACKNOWLEDGED: u32 = 300;
/// How long without a packet it counts as live then: the other end is gone.
const HOPE: u32 = 60;
/// Beyond so many connections, only so many are looked at for the counts that nothing waits for.
/// The kernel needs more than 2 µs to describe each, and can't be asked for less than all of it:
/// to look at 100,000 takes it 220 ms of CPU.
const SAMPLE: u64 = 12_000;
/// Each mark of its own costs the kernel a walk over its table (27 ms at 100,000 connections);
/// beyond so many, all connections are looked at.
const SINGLE: usize = 3;
/// The kernel fills messages of 32 KiB when it is offered room for them.
const ROOM: usize = 64 << 10;

/// Live connections by mark.
pub type Tally = BTreeMap<u32, u64>;

/// A mark, and which bits of it count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mask {
    /// The bits' values.
    pub mark: u32,
    /// The bits.
    pub mask: u32,
}

/// Counts live connections by mark. With many connections the counts are estimates from a sample
/// without bias (the kernel's table is in the order of a secret hash), but those of `exact` are
/// exact.
///
/// # Errors
/// When the kernel can't be asked.
pub fn tally(exact: &[Mask]) -> io::Result<Tally> {
    let all = count();
    if all <= SAMPLE * 3 / 2 || exact.len() > SINGLE {
        return tally_all();
    }
    let mut tally = estimate(all)?;
    for only in exact {
        tally.retain(|mark, _| mark & only.mask != only.mark);
        let mut live = Tally::new();
        walk(Some(*only), |flow| add(&mut live, flow))?;
        tally.append(&mut live);
    }
    Ok(tally)
}

/// Counts every live connection by mark: exact, and more than 2 µs of CPU for each.
///
/// # Errors
/// When the kernel can't be asked.
pub fn tally_all() -> io::Result<Tally> {
    let mut tally = Tally::new();
    walk(None, |flow| add(&mut tally, flow))?;
    Ok(tally)
}

fn estimate(all: u64) -> io::Result<Tally> {
    let (mut sampled, mut seen) = (Tally::new(), 0);
    walk(None, |flow| {
        seen += 1;
        add(&mut sampled, flow) && seen < SAMPLE
    })?;
    let whole = |n: u64| (n * all + seen / 2) / seen.max(1);
    Ok(sampled.into_iter().map(|(mark, n)| (mark, whole(n))).collect())
}

fn add(tally: &mut Tally, flow: &Flow<'_>) -> bool {
    if flow.mark != 0 && is_live(flow) {
        *tally.entry(flow.mark).or_default() += 1;
    }
    true
}

/// Whether both sides have spoken, and not long ago.
fn is_live(flow: &Flow<'_>) -> bool {
    let left = flow.timeout;
    match flow.tcp {
        _ if !flow.answered => false,
        // What is not TCP is remembered for three minutes at most.
        None => true,
        Some(message::ESTABLISHED) => {
            left > ESTABLISHED - LIVE || (UNACKNOWLEDGED - HOPE..=UNACKNOWLEDGED).contains(&left)
        }
        Some(state) => matches!(state, message::FIN_WAIT | message::CLOSE_WAIT),
    }
}

/// How many connections the kernel remembers; 0 when it does not say.
pub fn count() -> u64 {
    let text = std::fs::read_to_string("/proc/sys/net/netfilter/nf_conntrack_count");
    text.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// Connections that could not be begun since this network namespace was made, the kernel's
/// `insert_failed`: no port was free at the address that they should have left from, or two that
/// were alike began in the same moment.
///
/// # Errors
/// When the kernel can't be asked.
pub fn unbegun() -> io::Result<u64> {
    let mut all = 0;
    dump(&message::statistics(), |answer| {
        if let Answer::Unbegun(n) = answer {
            all += u64::from(*n);
        }
        true
    })?;
    Ok(all)
}

/// Makes the kernel forget all connections of a mark.
///
/// # Errors
/// When the kernel refuses.
pub fn forget(mask: Mask) -> io::Result<()> {
    acknowledged(&message::forget(Some(mask)))
}

/// Makes the kernel forget all connections of this server.
///
/// # Errors
/// When the kernel refuses.
pub fn forget_all() -> io::Result<()> {
    acknowledged(&message::forget(None))
}

/// Makes the kernel forget the connections of a mark that are not TCP: they find another way with
/// their next packet. TCP can't, so it is left for the ruleset to refuse.
///
/// # Errors
/// When the kernel refuses.
pub fn forget_datagrams(mask: Mask) -> io::Result<()> {
    let mut all = Vec::new();
    walk(Some(mask), |flow| {
        if flow.tcp.is_none() {
            all.push(message::forget_one(flow));
        }
        true
    })?;
    for one in all {
        match acknowledged(&one) {
            // It ended by itself.
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            other => other?,
        }
    }
    Ok(())
}

fn open() -> io::Result<Socket> {
    let mut socket = Socket::new(NETLINK_NETFILTER)?;
    socket.bind_auto()?;
    Ok(socket)
}

/// Shows the kernel's connections to `each` until it has seen enough.
fn walk(only: Option<Mask>, mut each: impl FnMut(&Flow<'_>) -> bool) -> io::Result<()> {
    dump(&message::list(only), |answer| match answer {
        Answer::Flow(flow) => each(flow),
        _ => true,
    })
}

/// Shows what the kernel answers to `each` until it has seen enough.
fn dump(request: &Marked, mut each: impl FnMut(&Answer<'_>) -> bool) -> io::Result<()> {
    let socket = open()?;
    socket.send(request, 0)?;
    let mut room = vec![0; ROOM];
    loop {
        let length = socket.recv(&mut &mut room[..], 0)?;
        for answer in message::answers(room.get(..length).unwrap_or_default()) {
            match answer {
                Answer::Done => return Ok(()),
                Answer::Failed(error) => return Err(io::Error::from_raw_os_error(error)),
                more if each(&more) => {}
                _ => return Ok(()),
            }
        }
    }
}

fn acknowledged(request: &Marked) -> io::Result<()> {
    let socket = open()?;
    socket.send(request, 0)?;
    let mut room = vec![0; ROOM];
    let length = socket.recv(&mut &mut room[..], 0)?;
    match message::answers(room.get(..length).unwrap_or_default()).next() {
        Some(Answer::Failed(error)) => Err(io::Error::from_raw_os_error(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(state: u8, timeout: u32) -> Flow<'static> {
        Flow { mark: 1, answered: true, tcp: Some(state), timeout, family: 2, original: &[] }
    }

    #[test]
    fn a_connection_is_live_for_ten_minutes_after_its_last_packet() {
        assert!(is_live(&tcp(message::ESTABLISHED, ESTABLISHED)));
        assert!(is_live(&tcp(message::ESTABLISHED, ESTABLISHED - LIVE + 1)));
        assert!(!is_live(&tcp(message::ESTABLISHED, ESTABLISHED - LIVE)));
    }

    #[test]
    fn data_under_way_is_live_until_nobody_can_be_there() {
        assert!(is_live(&tcp(message::ESTABLISHED, UNACKNOWLEDGED)));
        assert!(!is_live(&tcp(message::ESTABLISHED, UNACKNOWLEDGED - HOPE - 1)));
    }

    #[test]
    fn what_nobody_answered_is_no_session() {
        assert!(!is_live(&Flow { answered: false, ..tcp(message::ESTABLISHED, ESTABLISHED) }));
        assert!(!is_live(&tcp(1, 100)));
        assert!(is_live(&Flow { tcp: None, ..tcp(0, 5) }));
    }
}
