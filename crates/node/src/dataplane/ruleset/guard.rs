//! What clients may not do, at ingress and egress alike.

use std::collections::BTreeSet;

use crate::dataplane::ruleset::part::Part;
use crate::dataplane::ruleset::script::Script;

/// IPv4 addresses that no client reaches: those that are not of the public internet (IANA's
/// special-purpose registry), less the ones for documentation and measurement, which lead nowhere;
/// and where clouds keep their servers' secrets and switches.
pub const BOGONS4: &str = "0.0.0.0/8, 10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, \
    168.63.129.16/32, 169.254.0.0/16, 172.16.0.0/12, 192.0.0.0/24, 192.168.0.0/16, 224.0.0.0/3";

/// The same for IPv6, with what leads to IPv4: mapped, translated (`64:ff9b::`)
/// and tunnelled addresses.
pub const BOGONS6: &str = "::/8, 100::/64, 2002::/16, fc00::/7, fe80::/9, ff00::/8";

/// A client's new flows: a page with hundreds of parts fits, a scan does not.
const RATE: &str = "limit rate over 200/second burst 400 packets";
/// A client's flows at one time.
const FLOWS: u32 = 2_048;

/// What rules of both roles refer to.
pub fn objects(script: &mut Script) {
    for counter in ["leak", "smtp", "bogon", "limited"] {
        script.counter(counter);
    }
    script.set("dead", "type mark;");
    for (n, kind) in [(4, "ipv4_addr"), (6, "ipv6_addr")] {
        script.set(&format!("bogons{n}"), &format!("type {kind}; flags interval;"));
        script.set(&format!("receiving{n}"), "type mark;");
    }
    script.fill_ranges("bogons4", [BOGONS4]);
    script.fill_ranges("bogons6", [BOGONS6]);
}

/// The chain `guard`, that all that clients send is led through: it comes back from it or is
/// refused. Refusing is an answer, so that programs give up at once.
pub fn destinations(script: &mut Script) {
    script.chain(
        "guard",
        "",
        "tcp dport 25 counter name smtp reject with tcp reset
        ip daddr @bogons4 counter name bogon reject with icmp admin-prohibited
        ip6 daddr @bogons6 counter name bogon reject with icmpv6 admin-prohibited",
    );
}

/// The chain `limits`, for packets whose source tells one client from another.
pub fn limits(script: &mut Script) {
    for (n, kind) in [(4, "ipv4_addr"), (6, "ipv6_addr")] {
        let rate = format!("type {kind}; flags dynamic,timeout; timeout 1m; size 65536;");
        script.set(&format!("rate{n}"), &rate);
        script.set(&format!("flows{n}"), &format!("type {kind}; flags dynamic; size 65536;"));
    }
    script.chain(
        "limits",
        "",
        &format!(
            "ct state != new return
            add @rate4 {{ ip saddr {RATE} }} counter name limited drop
            add @rate6 {{ ip6 saddr {RATE} }} counter name limited drop
            add @flows4 {{ ip saddr ct count over {FLOWS} }} counter name limited drop
            add @flows6 {{ ip6 saddr ct count over {FLOWS} }} counter name limited drop"
        ),
    );
}

/// The chain `cut`: what belongs to something that is gone is refused. `mask` tells which bits of
/// a connection's mark. It is empty while nothing is gone, as every packet is led through it.
pub fn cut(dead: BTreeSet<u16>, mask: &str) -> Part {
    let mut script = Script::default();
    let refusal = format!(
        "ct mark and {mask} != @dead return
        meta l4proto tcp reject with tcp reset
        drop"
    );
    let rules = if dead.is_empty() { "" } else { &refusal };
    script.fill_set("dead", dead);
    script.chain("cut", "", rules);
    script.finish()
}

/// Segments fit the way that they go: each end clamps what it sends into the overlay.
pub const CLAMP: &str = "tcp flags syn / syn,rst tcp option maxseg size set rt mtu";
