//! Names, looked up by the resolver at the egress that the client's sessions leave from.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::outward::Outward;
use super::users::User;

/// How long one question waits for its answer; it is asked again once for each resolver.
const PATIENCE: Duration = Duration::from_secs(3);

/// Record types (RFC 1035, section 3.2.2; RFC 3596).
const A: u16 = 1;
const AAAA: u16 = 28;

/// Looks names up, from the source that is the user's: what it learns is what the egress of its
/// sessions would learn.
#[derive(Debug, Clone)]
pub(super) struct Names {
    pub outward: Outward,
    pub resolvers: Vec<SocketAddr>,
}

impl Names {
    /// A host's addresses, IPv6 and IPv4 by turns.
    pub async fn look_up(&self, user: User, host: &str) -> io::Result<Vec<IpAddr>> {
        if let Ok(address) = host.parse() {
            return Ok(vec![address]);
        }
        let (v6, v4) = tokio::join!(self.ask(user, host, AAAA), self.ask(user, host, A));
        let found = by_turns(v6.as_deref().unwrap_or_default(), v4.as_deref().unwrap_or_default());
        match found.is_empty() {
            true => Err(v4.err().or(v6.err()).unwrap_or(io::ErrorKind::NotFound.into())),
            false => Ok(found),
        }
    }

    async fn ask(&self, user: User, host: &str, kind: u16) -> io::Result<Vec<IpAddr>> {
        let mut last = io::Error::from(io::ErrorKind::TimedOut);
        for resolver in self.resolvers.iter().chain(&self.resolvers) {
            let asked = tokio::time::timeout(PATIENCE, self.ask_one(user, *resolver, host, kind));
            match asked.await {
                Ok(Ok(addresses)) => return Ok(addresses),
                Ok(Err(error)) => last = error,
                Err(_) => {}
            }
        }
        Err(last)
    }

    async fn ask_one(
        &self,
        user: User,
        resolver: SocketAddr,
        host: &str,
        kind: u16,
    ) -> io::Result<Vec<IpAddr>> {
        let mut id = [0; 2];
        getrandom::fill(&mut id).map_err(io::Error::other)?;
        let question = question(id, host, kind).ok_or(io::ErrorKind::InvalidInput)?;
        let socket = self.outward.packets(user, resolver.is_ipv4())?;
        socket.connect(resolver).await?;
        socket.send(&question).await?;
        let mut buffer = [0; 1232];
        loop {
            let length = socket.recv(&mut buffer).await?;
            let Some(answer) = matching(&question, &buffer[..length]) else { continue };
            if answer[2] & 2 != 0 {
                return self.ask_again(user, resolver, &question).await;
            }
            return addresses(answer, question.len()).ok_or(io::ErrorKind::InvalidData.into());
        }
    }

    /// By TCP, when the answer is too long for one packet (RFC 7766).
    async fn ask_again(
        &self,
        user: User,
        resolver: SocketAddr,
        question: &[u8],
    ) -> io::Result<Vec<IpAddr>> {
        let mut stream = self.outward.connect(user, &[resolver]).await?;
        // A question is shorter than 300 bytes.
        stream.write_u16(question.len() as u16).await?;
        stream.write_all(question).await?;
        let mut answer = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut answer).await?;
        let found = matching(question, &answer).and_then(|a| addresses(a, question.len()));
        found.ok_or(io::ErrorKind::InvalidData.into())
    }
}

fn by_turns(one: &[IpAddr], other: &[IpAddr]) -> Vec<IpAddr> {
    let longest = one.len().max(other.len());
    let turns = (0..longest).flat_map(|i| [one.get(i), other.get(i)]);
    turns.flatten().copied().collect()
}

/// A question with recursion wanted (RFC 1035, section 4.1); `None` when the name can't be one.
fn question(id: [u8; 2], host: &str, kind: u16) -> Option<Vec<u8>> {
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
fn matching<'a>(question: &[u8], message: &'a [u8]) -> Option<&'a [u8]> {
    let same = message.len() >= question.len()
        && message[..2] == question[..2]
        && message[2] & 0x80 != 0
        && message[4..6] == [0, 1]
        && message[12..question.len()].eq_ignore_ascii_case(&question[12..]);
    same.then_some(message)
}

/// The addresses in an answer, whatever names they stand for: aliases were followed by the
/// resolver. `None` when it is damaged, or says that it failed.
fn addresses(message: &[u8], mut at: usize) -> Option<Vec<IpAddr>> {
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

    #[test]
    fn families_take_turns() {
        let ip = |n: u8| IpAddr::from([192, 0, 2, n]);
        assert_eq!(by_turns(&[ip(1)], &[ip(2), ip(3)]), [ip(1), ip(2), ip(3)]);
    }
}
