//! Names, as the resolver finds them that clients are given.

use std::io::{Error, Result};
use std::net::IpAddr;
use std::time::Duration;

use damm_protocol::TunnelAddresses;
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::Told;
use super::errand::Target;
use super::way::Way;
use super::{shadowsocks, socks};
use crate::internet::DNS;
use crate::internet::question::{self, A, AAAA};

/// A question that is not answered within this time is asked again, as every resolver does (RFC
/// 1035, section 4.2.1).
const AGAIN: Duration = Duration::from_secs(2);
const TRIES: u32 = 3;

/// Asks for both families' addresses of a name, at the resolver's addresses of both families.
pub async fn run(way: &Way, name: &str) -> Told {
    let mut told = Told::default();
    let resolver = TunnelAddresses::RESOLVER;
    for at in [IpAddr::from(resolver.v4), resolver.v6.into()] {
        for kind in [A, AAAA] {
            match ask(way, at, name, kind).await {
                Ok(found) => {
                    told.done += 1;
                    told.addresses.extend(found);
                }
                Err(e) => told.failed.push(format!("type {kind} at {at}: {e}")),
            }
        }
    }
    told
}

async fn ask(way: &Way, at: IpAddr, name: &str, kind: u16) -> Result<Vec<IpAddr>> {
    let question = question::ask(name, kind);
    let mut last = Error::other("nobody was asked");
    for _ in 0..TRIES {
        let answered = timeout(AGAIN, exchange(way, at, &question)).await;
        match answered.unwrap_or_else(|_| Err(Error::other("no answer"))) {
            Ok(answer) => return question::addresses(&answer).ok_or_else(|| refused(&answer)),
            Err(e) => last = e,
        }
    }
    Err(last)
}

fn refused(answer: &[u8]) -> Error {
    let code = answer.get(3).map_or(0, |byte| byte & 0x0f);
    Error::other(format!("an answer of {} bytes with code {code}", answer.len()))
}

async fn exchange(way: &Way, at: IpAddr, question: &[u8]) -> Result<Vec<u8>> {
    let to = Target { host: at.to_string(), port: DNS };
    match way {
        Way::Direct => direct(at, question).await,
        Way::Socks { at: proxy } => socks::exchange(*proxy, &to, question).await,
        Way::Shadowsocks { at, key } => shadowsocks::exchange(*at, key, &to, question).await,
    }
}

async fn direct(at: IpAddr, question: &[u8]) -> Result<Vec<u8>> {
    let any: IpAddr = match at {
        IpAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect((at, DNS)).await?;
    socket.send(question).await?;
    let mut answer = vec![0; 2048];
    let count = socket.recv(&mut answer).await?;
    answer.truncate(count);
    Ok(answer)
}
