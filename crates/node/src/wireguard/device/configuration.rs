//! What `wg` asks of the process: <https://www.wireguard.com/xplatform/#configuration-protocol>.

use std::collections::BTreeMap;
use std::sync::Arc;

use gotatun::device::uapi::UapiClient;
use gotatun::device::uapi::command::{
    Get, GetPeer, GetResponse, Peer, Request, Response, Set, SetPeer, SetUnset,
};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::sync::Mutex;

/// EINVAL of Linux, as the protocol wants errors.
const INVALID: &str = "errno=22\n\n";

/// Between `wg` and the device. The device makes every peer anew that a request names, and so cuts
/// its session; what a request would not change is taken out of it here.
#[derive(Clone)]
pub(super) struct Configuration {
    device: UapiClient,
    /// What is taken out depends on what is there: one request at a time.
    turn: Arc<Mutex<()>>,
}

impl Configuration {
    pub fn new(device: UapiClient) -> Self {
        Self { device, turn: Arc::default() }
    }

    /// Answers one connection's requests to its end.
    pub async fn converse(self, stream: UnixStream) {
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        let mut request = String::new();
        while let Ok(Some(line)) = lines.next_line().await {
            if !line.is_empty() {
                request.push_str(&line);
                request.push('\n');
                continue;
            }
            let answer = self.answer(&std::mem::take(&mut request)).await;
            if write.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }

    async fn answer(&self, text: &str) -> String {
        let _turn = self.turn.lock().await;
        let request = match text.parse::<Request>() {
            Ok(Request::Set(set)) => self.changes_only(set).await.map(Request::Set),
            Ok(get) => Some(get),
            Err(_) => None,
        };
        let Some(request) = request else { return INVALID.into() };
        match self.device.send(request).await {
            Ok(response) => format!("{response}\n"),
            Err(_) => INVALID.into(),
        }
    }

    /// The request without what is so already; `None` when it can't be done.
    async fn changes_only(&self, mut set: Set) -> Option<Set> {
        let Ok(Response::Get(now)) = self.device.send(Get::default()).await else { return None };
        // The device panics over peers while it has no key.
        if now.private_key.is_none() && set.private_key.is_none() && !set.peers.is_empty() {
            return None;
        }
        if set.replace_peers {
            replace(&mut set, &now);
        }
        let there = now.peers.iter().map(|p| (p.peer.public_key.0, p)).collect::<BTreeMap<_, _>>();
        set.peers
            .retain(|peer| there.get(&peer.peer.public_key.0).is_none_or(|p| changes(peer, p)));
        Some(set)
    }
}

/// Says the same peer by peer: those that the request does not name are removed.
fn replace(set: &mut Set, now: &GetResponse) {
    set.replace_peers = false;
    for peer in &mut set.peers {
        peer.replace_allowed_ips = true;
    }
    let named = |key: &[u8; 32]| set.peers.iter().any(|p| p.peer.public_key.0 == *key);
    let keys = now.peers.iter().map(|p| p.peer.public_key.0);
    let gone = keys.filter(|k| !named(k)).map(|k| SetPeer::new(k).remove()).collect::<Vec<_>>();
    // First: what they were allowed may be another's now.
    set.peers.splice(0..0, gone);
}

fn changes(wanted: &SetPeer, now: &GetPeer) -> bool {
    let (peer, old) = (&wanted.peer, &now.peer);
    let endpoint = peer.endpoint.is_some() && peer.endpoint != old.endpoint;
    let keepalive = peer.persistent_keepalive_interval;
    let keepalive = keepalive.is_some_and(|k| k != old.persistent_keepalive_interval.unwrap_or(0));
    wanted.remove
        || endpoint
        || keepalive
        || changes_secret(peer, old)
        || changes_allowed(wanted, old)
}

fn changes_secret(wanted: &Peer, now: &Peer) -> bool {
    let old = match &now.preshared_key {
        Some(SetUnset::Set(key)) => Some(key.0),
        _ => None,
    };
    match &wanted.preshared_key {
        Some(SetUnset::Set(key)) => old != Some(key.0),
        Some(SetUnset::Unset) => old.is_some(),
        None => false,
    }
}

fn changes_allowed(wanted: &SetPeer, now: &Peer) -> bool {
    let (asked, there) = (&wanted.peer.allowed_ip, &now.allowed_ip);
    let adds = asked.iter().any(|ip| !there.contains(ip));
    adds || (wanted.replace_allowed_ips && there.iter().any(|ip| !asked.contains(ip)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> Set {
        match text.parse::<Request>() {
            Ok(Request::Set(set)) => set,
            _ => panic!("no request: {text}"),
        }
    }

    fn key(letter: char) -> String {
        letter.to_string().repeat(64)
    }

    fn there(text: &str) -> GetPeer {
        set(text).peers.remove(0).peer.into()
    }

    #[test]
    fn a_peer_that_is_named_as_it_is_counts_as_no_change() {
        let ips = "allowed_ip=10.64.0.0/22\nallowed_ip=fd00::/64\n";
        let now = format!("set=1\npublic_key={}\nendpoint=192.0.2.1:51820\n{ips}", key('a'));
        let again = format!("{now}replace_allowed_ips=true\n");
        assert!(!changes(&set(&again).peers[0], &there(&now)));
        for more in ["allowed_ip=10.65.0.0/22\n", "remove=true\n"] {
            assert!(changes(&set(&format!("{again}{more}")).peers[0], &there(&now)), "{more}");
        }
        let moved = again.replace("192.0.2.1", "192.0.2.2");
        assert!(changes(&set(&moved).peers[0], &there(&now)));
        let fewer = again.replace("allowed_ip=fd00::/64\n", "");
        assert!(changes(&set(&fewer).peers[0], &there(&now)));
        let secret = format!("{again}preshared_key={}\n", key('b'));
        assert!(changes(&set(&secret).peers[0], &there(&now)));
    }

    #[test]
    fn replacing_all_peers_removes_only_those_that_are_not_named() {
        let mut wanted = set(&format!("set=1\nreplace_peers=true\npublic_key={}\n", key('a')));
        let mut now = GetResponse::default();
        for letter in ['a', 'b'] {
            now.peers.push(there(&format!("set=1\npublic_key={}\n", key(letter))));
        }
        replace(&mut wanted, &now);
        let all =
            wanted.peers.iter().map(|p| (p.peer.public_key.0[0], p.remove)).collect::<Vec<_>>();
        assert_eq!(all, [(0xbb, true), (0xaa, false)]);
        assert!(!wanted.replace_peers);
    }
}
