//! An egress node's rules: the choice of a source address, and nothing without one.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use damm_fleet::EgressIpId;
use damm_protocol::{EgressConfig, TunnelAddresses};

use crate::dataplane::EGRESS_OVERLAY;
use crate::dataplane::marks::Marks;
use crate::dataplane::ruleset::guard::{self, CLAMP};
use crate::dataplane::ruleset::part::Part;
use crate::dataplane::ruleset::script::Script;
use crate::dataplane::ruleset::{Receivers, Ruleset};

/// What an egress' rules follow from.
#[derive(Debug, Clone, Copy)]
pub struct EgressFacts<'a> {
    /// The config.
    pub config: &'a EgressConfig,
    /// Marks of its addresses.
    pub addresses: &'a Marks<EgressIpId>,
    /// Addresses that get new sessions.
    pub receivers: &'a Receivers,
    /// The interface towards the internet.
    pub uplink: &'a str,
    /// The resolver's user.
    pub resolver_uid: u32,
    /// Of the hash that chooses.
    pub seed: u32,
}

/// An egress node's ruleset.
pub fn egress(facts: &EgressFacts<'_>) -> Ruleset {
    let parts = [
        objects(),
        receivers(facts),
        guard::cut(facts.addresses.dead().collect(), "0xffffffff"),
        peers(facts),
        addresses(facts),
        rules(facts),
    ];
    Ruleset { parts: parts.into() }
}

fn objects() -> Part {
    let mut script = Script::default();
    guard::objects(&mut script);
    let (key4, key6) = (format!("typeof {KEY4} : meta mark;"), "type mark : mark;".to_owned());
    for (n, key, kind) in [(4, key4, "ipv4_addr"), (6, key6, "ipv6_addr")] {
        let learned = "flags dynamic,timeout; timeout 10m; size 524288;";
        script.map(&format!("sessions{n}"), &format!("{key} {learned}"));
        script.map(&format!("addresses{n}"), &format!("type mark : {kind};"));
        for set in ["peers", "inside"] {
            script.set(&format!("{set}{n}"), &format!("type {kind}; flags interval;"));
        }
    }
    script.finish()
}

fn receivers(facts: &EgressFacts<'_>) -> Part {
    let mut script = Script::default();
    for (n, slots) in [(4, &facts.receivers.v4), (6, &facts.receivers.v6)] {
        script.slots(&format!("slots{n}"), slots);
        script.fill_set(&format!("receiving{n}"), slots.counts().keys());
    }
    script.finish()
}

/// Where sessions may come from, and with the clients' own addresses what never leaves as it is.
fn peers(facts: &EgressFacts<'_>) -> Part {
    let mut script = Script::default();
    let peers = || facts.config.ingresses.values();
    let v4: BTreeSet<_> = peers().map(|peer| peer.sessions4).collect();
    let v6: BTreeSet<_> = peers().map(|peer| peer.sessions6).collect();
    let (pool4, pool6) = (TunnelAddresses::POOL4, TunnelAddresses::POOL6);
    let others4: BTreeSet<_> = v4.iter().filter(|net| !pool4.contains(*net)).copied().collect();
    let others6: BTreeSet<_> = v6.iter().filter(|net| !pool6.contains(*net)).copied().collect();
    script.fill_ranges("inside4", [pool4].into_iter().chain(others4));
    script.fill_ranges("inside6", [pool6].into_iter().chain(others6));
    script.fill_ranges("peers4", v4);
    script.fill_ranges("peers6", v6);
    script.finish()
}

/// Every address that sessions may have, also those that get no new ones.
fn addresses(facts: &EgressFacts<'_>) -> Part {
    let mut script = Script::default();
    let configs = facts.config.addresses.iter();
    let marked = configs.filter_map(|(id, a)| Some((facts.addresses.get(*id)?, a.address)));
    let marked: BTreeMap<u16, IpAddr> = marked.collect();
    for (n, is_v4) in [(4, true), (6, false)] {
        let mine = marked.iter().filter(|(_, address)| address.is_ipv4() == is_v4);
        script.fill_map(&format!("addresses{n}"), mine);
    }
    let marks: Vec<u16> = marked.into_keys().collect();
    script.counted('a', &marks, 0);
    script.finish()
}

fn rules(facts: &EgressFacts<'_>) -> Part {
    let mut script = Script::default();
    guard::destinations(&mut script);
    choice(&mut script, facts.seed);
    arrival(&mut script);
    forwarding(&mut script, facts.uplink);
    questions(&mut script, facts);
    departure(&mut script, facts.uplink);
    script.finish()
}

/// What tells sessions apart: a client, and the site that it speaks to.
const KEY4: &str = "ip saddr . ip daddr";
/// Of IPv6 a hash of both, kept for a moment where routing keeps its mark: nft 1.0.6 can't learn
/// keys of two whole addresses. Two sessions of one hash share an address, which does no harm.
const KEY6: &str = "meta mark";
const BOTH6: &str = "ip6 saddr . ip6 daddr";

/// Which address a session gets: a client has many, and each site sees one of them.
fn choice(script: &mut Script, seed: u32) {
    let pick = |n: u8, key: &str, hashed: &str| {
        format!(
            "ct mark set {key} map @sessions{n}
            ct mark != @receiving{n} ct mark set 0
            ct mark 0 ct mark set jhash {hashed} mod 1024 seed {seed:#x} map @slots{n}
            ct mark != 0 update @sessions{n} {{ {key} : ct mark }}"
        )
    };
    script.chain("pick4", "", &pick(4, KEY4, KEY4));
    let hash = format!("meta mark set jhash {BOTH6} mod 0xffffffff seed {seed:#x}");
    let pick6 = pick(6, KEY6, BOTH6);
    script.chain("pick6", "", &format!("{hash}\n{pick6}\nmeta mark set 0"));
    script.chain("pick", "", "meta nfproto vmap { ipv4 : goto pick4, ipv6 : goto pick6 }");
}

/// For the server itself: questions to the resolver, and no other visits.
fn arrival(script: &mut Script) {
    let TunnelAddresses { v4, v6 } = TunnelAddresses::RESOLVER;
    script.chain("of_peers", "", "ip saddr != @peers4 drop\nip6 saddr != @peers6 drop");
    script.chain(
        "visitors",
        "",
        &format!(
            "ct state established,related accept
            jump of_peers
            ip daddr {v4} meta l4proto {{ tcp, udp }} th dport 53 accept
            ip6 daddr {v6} meta l4proto {{ tcp, udp }} th dport 53 accept
            icmp type echo-request limit rate 100/second accept
            icmpv6 type echo-request limit rate 100/second accept
            drop"
        ),
    );
    script.chain(
        "receive",
        "type filter hook input priority filter; policy accept;",
        &format!(
            "iifname \"{EGRESS_OVERLAY}\" goto visitors
            iifname != \"lo\" ip daddr {v4} drop
            iifname != \"lo\" ip6 daddr {v6} drop"
        ),
    );
}

/// Between the overlay and the internet, and nothing else. Most packets are of connections whose
/// first one was looked at: of them only what may have changed since is asked. Each packet passes
/// two hooks, here and where it leaves: a hook costs more than the rules in it.
fn forwarding(script: &mut Script, uplink: &str) {
    script.chain("first", "", "jump of_peers\njump guard\nct state new jump pick");
    script.chain(
        "carry",
        "",
        "ct state != established jump first
        jump cut
        ct mark 0 reject with icmpx admin-prohibited
        counter name ct mark map @a_up
        accept",
    );
    script.chain(
        "bring",
        "",
        "ct state ! established,related drop
        counter name ct mark map @a_down
        accept",
    );
    script.chain(
        "forward",
        "type filter hook forward priority filter; policy drop;",
        &format!(
            "iifname \"{EGRESS_OVERLAY}\" oifname \"{uplink}\" goto carry
            iifname \"{uplink}\" oifname \"{EGRESS_OVERLAY}\" goto bring"
        ),
    );
}

/// What the resolver asks leaves from the pool too, from another address each time.
fn questions(script: &mut Script, facts: &EgressFacts<'_>) {
    let (uid, uplink) = (facts.resolver_uid, facts.uplink);
    script.chain(
        "ask",
        "type filter hook output priority mangle; policy accept;",
        &format!(
            "meta skuid != {uid} return
            oifname != \"{uplink}\" return
            ip daddr @bogons4 return
            ip6 daddr @bogons6 return
            ct state != new return
            meta nfproto ipv4 ct mark set numgen random mod 1024 map @slots4
            meta nfproto ipv6 ct mark set numgen random mod 1024 map @slots6"
        ),
    );
}

/// A session has one of the pool's addresses, or does not leave.
fn departure(script: &mut Script, uplink: &str) {
    script.chain(
        "translate",
        "type nat hook postrouting priority srcnat; policy accept;",
        &format!(
            "oifname != \"{uplink}\" return
            ct mark 0 return
            counter name ct mark map @a_new
            meta nfproto ipv4 snat ip to ct mark map @addresses4
            meta nfproto ipv6 snat ip6 to ct mark map @addresses6"
        ),
    );
    script.chain(
        "last",
        "type filter hook postrouting priority 300; policy accept;",
        &format!(
            "{CLAMP}
            oifname \"{EGRESS_OVERLAY}\" accept
            oifname \"lo\" accept
            ip saddr @inside4 counter name leak drop
            ip6 saddr @inside6 counter name leak drop"
        ),
    );
}
