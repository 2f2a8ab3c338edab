//! Peers of an interface, brought to what they should be by `wg`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use damm_protocol::WireguardKey;
use ipnet::IpNet;

use crate::service::{ServiceError, command};

/// Peers that one command removes: their keys fill 10 KiB of the 128 KiB that a word may have.
const AT_ONCE: usize = 200;

/// What a peer may send from.
pub(crate) type Peer = BTreeSet<IpNet>;

/// Adds the peers that are missing and removes those that should not be: the others, and their
/// sessions, are not touched.
///
/// # Errors
///
/// When `wg` fails.
pub(crate) async fn sync_peers(
    interface: &str,
    wanted: &BTreeMap<WireguardKey, Peer>,
) -> Result<(), ServiceError> {
    let text = command::run(&["wg", "show", interface, "allowed-ips"], b"").await?;
    let now = allowed(&text);
    let stays = |key: &WireguardKey, peer: &Peer| now.get(key) == Some(peer);
    let leaves = now.iter().filter(|(k, p)| wanted.get(*k) != Some(*p));
    let leaves = leaves.map(|(k, _)| k.to_string()).collect::<Vec<_>>();
    for some in leaves.chunks(AT_ONCE) {
        let mut words = vec!["wg", "set", interface];
        words.extend(some.iter().flat_map(|key| ["peer", key, "remove"]));
        command::run(&words, b"").await?;
    }
    let comes = wanted.iter().filter(|(k, p)| !stays(k, p));
    let text = comes.fold(String::new(), |text, (key, peer)| text + &section(key, peer));
    if text.is_empty() {
        return Ok(());
    }
    command::run(&["wg", "addconf", interface, "/dev/stdin"], text.as_bytes()).await.map(drop)
}

/// What `wg show NAME allowed-ips` prints: key, tab, prefixes or `(none)`.
fn allowed(text: &str) -> BTreeMap<WireguardKey, Peer> {
    let peers = text.lines().filter_map(|line| {
        let (key, prefixes) = line.split_once('\t')?;
        let prefixes = prefixes.split_whitespace().filter_map(|p| p.parse().ok());
        Some((key.parse().ok()?, prefixes.collect()))
    });
    peers.collect()
}

fn section(key: &WireguardKey, peer: &Peer) -> String {
    let mut text = format!("[Peer]\nPublicKey = {key}\n");
    for prefix in peer {
        // A String takes all that is written to it.
        let _ = writeln!(text, "AllowedIPs = {prefix}");
    }
    text
}
