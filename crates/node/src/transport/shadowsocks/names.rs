//! Names, looked up by the resolver at the egress that the client's sessions leave from.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::message::{A, AAAA, addresses, is_cut, matching, question};
use super::outward::Outward;
use super::users::User;

/// How long one question waits for its answer; it is asked again once for each resolver.
const PATIENCE: Duration = Duration::from_secs(3);

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
            if is_cut(answer) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let ip = |n: u8| IpAddr::from([192, 0, 2, n]);
        assert_eq!(by_turns(&[ip(1)], &[ip(2), ip(3)]), [ip(1), ip(2), ip(3)]);
    }
}
