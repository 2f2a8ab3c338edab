//! Connections to where clients want to go, each from a source that stays its client's.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use socket2::{Protocol, Type};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::task::JoinSet;

use super::refused::refused;
use super::settings::Settings;
use super::users::User;
use crate::transport::listening::free;

/// What a try has for itself before the next address is tried beside it (RFC 8305, section 5).
const HEAD_START: Duration = Duration::from_millis(250);

/// How long all tries together may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Where connections leave from.
#[derive(Debug, Clone)]
pub(super) struct Outward {
    /// Drawn when the process starts and kept nowhere: nobody can tell afterwards which source was
    /// whose.
    key: [u8; 32],
    sessions4: Option<Ipv4Net>,
    sessions6: Option<Ipv6Net>,
    allow: Vec<IpNet>,
}

impl Outward {
    pub fn new(key: [u8; 32], settings: &Settings) -> Self {
        let (sessions4, sessions6) = (settings.sessions4, settings.sessions6);
        Self { key, sessions4, sessions6, allow: settings.allow.clone() }
    }

    /// The first connection that stands, of those to a host's addresses.
    pub async fn connect(&self, user: User, to: &[SocketAddr]) -> io::Result<TcpStream> {
        let tries = self.race(user, self.allowed(to));
        tokio::time::timeout(PATIENCE, tries).await.unwrap_or(Err(io::ErrorKind::TimedOut.into()))
    }

    async fn race(&self, user: User, to: Vec<SocketAddr>) -> io::Result<TcpStream> {
        let (mut tries, mut rest) = (JoinSet::new(), to.into_iter());
        let mut last = io::Error::from(io::ErrorKind::PermissionDenied);
        loop {
            let next = rest.next();
            let wait = if next.is_some() { HEAD_START } else { PATIENCE };
            if let Some(to) = next {
                let from = self.source(user, to.is_ipv4());
                tries.spawn(connect(from, to));
            }
            match tokio::time::timeout(wait, tries.join_next()).await {
                Ok(Some(Ok(Ok(stream)))) => return Ok(stream),
                Ok(Some(Ok(Err(error)))) => last = error,
                Ok(None) => return Err(last),
                Ok(Some(Err(_))) | Err(_) => {}
            }
        }
    }

    /// A socket for a user's packets to destinations of one family.
    pub fn packets(&self, user: User, v4: bool) -> io::Result<UdpSocket> {
        let socket = free(v4, Type::DGRAM, Protocol::UDP)?;
        let any = if v4 { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let from = self.source(user, v4).unwrap_or(any);
        socket.bind(&SocketAddr::new(from, 0).into())?;
        UdpSocket::from_std(socket.into())
    }

    /// The destinations among these that clients may reach.
    pub fn allowed(&self, to: &[SocketAddr]) -> Vec<SocketAddr> {
        to.iter().copied().filter(|to| !refused(*to, &self.allow)).collect()
    }

    /// A user's source: never a prefix' first two addresses nor its last, which the node has for
    /// itself or may not use.
    fn source(&self, user: User, v4: bool) -> Option<IpAddr> {
        let hash = blake3::keyed_hash(&self.key, &user.0);
        let number = hash.as_bytes().iter().take(16).fold(0, |n, b| (n << 8) | u128::from(*b));
        if v4 {
            let net = self.sessions4?;
            let count = 1 << (32 - net.prefix_len());
            let host = 2 + number % u128::max(count - 3, 1);
            return Some(Ipv4Addr::from_bits(net.network().to_bits() | host as u32).into());
        }
        let net = self.sessions6?;
        let host = (number & net.hostmask().to_bits()).max(2);
        Some(Ipv6Addr::from_bits(net.network().to_bits() | host).into())
    }
}

async fn connect(from: Option<IpAddr>, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = free(to.is_ipv4(), Type::STREAM, Protocol::TCP)?;
    if let Some(from) = from {
        socket.bind(&SocketAddr::new(from, 0).into())?;
    }
    let stream = TcpSocket::from_std_stream(socket.into()).connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use damm_protocol::Secret32;

    use super::*;

    fn outward(key: u8) -> Outward {
        let settings = Settings {
            port: 0,
            server_key: Secret32::new([0; 32]),
            sessions4: Some("10.64.4.0/22".parse().unwrap()),
            sessions6: Some("fd00:1:2:3::/64".parse().unwrap()),
            resolvers: Vec::new(),
            allow: Vec::new(),
            users: BTreeMap::new(),
        };
        Outward::new([key; 32], &settings)
    }

    #[test]
    fn a_users_source_stays_the_same_and_lies_within_the_session_prefix() {
        let (one, other) = (outward(1), outward(2));
        let users = (0..=255).map(|n| User([n; 16])).collect::<Vec<_>>();
        for v4 in [true, false] {
            let sources =
                users.iter().map(|u| one.source(*u, v4).unwrap()).collect::<BTreeSet<_>>();
            assert!(sources.len() > 200, "{sources:?}");
            assert_eq!(one.source(users[7], v4), one.source(users[7], v4));
            assert_ne!(one.source(users[7], v4), other.source(users[7], v4));
        }
        for user in users {
            let Some(IpAddr::V4(v4)) = one.source(user, true) else { panic!("no source") };
            let host = v4.to_bits() & 0x3ff;
            assert!((2..1023).contains(&host), "{v4}");
            assert!(one.sessions4.unwrap().contains(&v4));
        }
    }

    #[tokio::test]
    async fn what_is_refused_is_not_tried() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = [listener.local_addr().unwrap()];
        let error = outward(1).connect(User([1; 16]), &to).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    }
}
