//! An ingress node's rules: front doors, the choice of an egress, and no other way out.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use damm_fleet::{FrontdoorId, NodeId};
use damm_protocol::{DoorConfig, IngressConfig, TunnelAddresses, WITNESS_PORT};

use crate::dataplane::CLIENT_TUNNEL;
use crate::dataplane::marks::Marks;
use crate::dataplane::ruleset::guard::{self, CLAMP};
use crate::dataplane::ruleset::part::Part;
use crate::dataplane::ruleset::script::{Script, family};
use crate::dataplane::ruleset::{Primary, Receivers, Ruleset};
use crate::service::WITNESS_UID;
use crate::transport::{WIREGUARD, internal_port};

/// What an ingress' rules follow from.
#[derive(Debug, Clone, Copy)]
pub struct IngressFacts<'a> {
    /// The config.
    pub config: &'a IngressConfig,
    /// Marks of egress nodes: the low 16 bits of a connection's mark.
    pub peers: &'a Marks<NodeId>,
    /// Marks of front doors: the high 16 bits.
    pub doors: &'a Marks<FrontdoorId>,
    /// Egress nodes that get new sessions.
    pub receivers: &'a Receivers,
    /// The server's own addresses.
    pub primary: Primary,
    /// The user whose packets leave by the overlay, or in answer.
    pub proxy_uid: u32,
    /// Of the hash that chooses.
    pub seed: u32,
}

/// An ingress node's ruleset.
pub fn ingress(facts: &IngressFacts<'_>) -> Ruleset {
    let cut = guard::cut(facts.peers.dead().collect(), "0xffff");
    let parts = vec![objects(), receivers(facts), cut, doors(facts), rules(facts)];
    Ruleset { parts }
}

fn objects() -> Part {
    let mut script = Script::default();
    guard::objects(&mut script);
    for (n, kind) in [(4, "ipv4_addr"), (6, "ipv6_addr")] {
        let learned = "flags dynamic,timeout; timeout 10m; size 262144;";
        script.map(&format!("sessions{n}"), &format!("type {kind} : mark; {learned}"));
        let door = format!("type {kind} . inet_proto . inet_service");
        script.map(&format!("doors{n}"), &format!("{door} : mark;"));
        script.set(&format!("draining{n}"), &format!("{door};"));
    }
    script.finish()
}

fn receivers(facts: &IngressFacts<'_>) -> Part {
    let mut script = Script::default();
    for (n, slots) in [(4, &facts.receivers.v4), (6, &facts.receivers.v6)] {
        script.slots(&format!("slots{n}"), slots);
        script.fill_set(&format!("receiving{n}"), slots.counts().keys());
    }
    script.finish()
}

/// A front door as packets show it.
struct Door<'a> {
    mark: u32,
    config: &'a DoorConfig,
    protocol: &'static str,
}

impl Door<'_> {
    fn key(&self) -> String {
        format!("{} . {} . {}", self.config.address, self.protocol, self.config.port)
    }
}

/// Every address, protocol and port that is somebody's front door. The WireGuard transport comes
/// first: it needs UDP, and one that is meant for TCP may have the same port.
fn every_door<'a>(facts: &IngressFacts<'a>) -> Vec<Door<'a>> {
    let mut all: BTreeMap<(IpAddr, u16, &str), Door<'a>> = BTreeMap::new();
    let is_wireguard = |door: &DoorConfig| door.transport == WIREGUARD;
    let mut configs: Vec<_> = facts.config.frontdoors.iter().collect();
    configs.sort_by_key(|(_, door)| !is_wireguard(door));
    for (id, config) in configs {
        let Some(mark) = facts.doors.get(*id) else { continue };
        let protocols: &[_] = if is_wireguard(config) { &["udp"] } else { &["tcp", "udp"] };
        for protocol in protocols {
            let key = (config.address, config.port, *protocol);
            all.entry(key).or_insert(Door { mark: u32::from(mark) << 16, config, protocol });
        }
    }
    all.into_values().collect()
}

fn doors(facts: &IngressFacts<'_>) -> Part {
    let mut script = Script::default();
    let all = every_door(facts);
    for (n, is_v4) in [(4, true), (6, false)] {
        let mine = || all.iter().filter(move |door| door.config.address.is_ipv4() == is_v4);
        let marked = mine().map(|door| (door.key(), format!("{:#x}", door.mark)));
        script.fill_map(&format!("doors{n}"), marked);
        let draining = mine().filter(|door| !door.config.receiving.is_active());
        script.fill_set(&format!("draining{n}"), draining.map(Door::key));
    }
    let marks: Vec<u16> = facts.doors.held().map(|(_, mark)| mark).collect();
    script.counted('d', &marks, 16);
    script.chain("doorways", "", &doorways(facts, &all));
    script.finish()
}

/// From front doors to where transports listen. TCP keeps its address: a connection's socket has
/// it, and is found by it. UDP is sent to the address that the kernel answers from by itself, as
/// servers on a wildcard address may not say which one they mean.
fn doorways(facts: &IngressFacts<'_>, all: &[Door<'_>]) -> String {
    let mut kinds: BTreeMap<(u16, &str), BTreeSet<u32>> = BTreeMap::new();
    for door in all {
        let port = internal_port(&door.config.transport);
        kinds.entry((port, door.protocol)).or_default().insert(door.mark);
    }
    let rule = |((port, protocol), marks): (&(u16, &str), &BTreeSet<u32>)| {
        let marks: Vec<_> = marks.iter().map(|mark| format!("{mark:#x}")).collect();
        let of = format!("ct mark {{ {} }} meta l4proto {protocol}", marks.join(", "));
        match *protocol {
            "tcp" => format!("{of} dnat to :{port}\n"),
            _ => answered(facts.primary, &of, *port),
        }
    };
    kinds.iter().map(rule).collect()
}

fn answered(primary: Primary, of: &str, port: u16) -> String {
    let v4 = primary.v4.map(|own| format!("{of} dnat ip to {own}:{port}\n"));
    let v6 = primary.v6.map(|own| format!("{of} dnat ip6 to [{own}]:{port}\n"));
    let [v4, v6] = [v4, v6].map(Option::unwrap_or_default);
    format!("{v4}{v6}{of} redirect to :{port}\n")
}

fn rules(facts: &IngressFacts<'_>) -> Part {
    let mut script = Script::default();
    guard::limits(&mut script);
    guard::destinations(&mut script);
    choice(&mut script, facts);
    arrival(&mut script);
    own(&mut script, facts);
    forwarding(&mut script);
    departure(&mut script, facts);
    script.finish()
}

/// Which egress a session goes to: the one that it went to while that takes new ones, else by slot.
fn choice(script: &mut Script, facts: &IngressFacts<'_>) {
    let seed = facts.seed;
    for (n, ip) in [(4, "ip"), (6, "ip6")] {
        script.chain(
            &format!("pick{n}"),
            "",
            &format!(
                "ct mark set {ip} saddr map @sessions{n}
                ct mark != @receiving{n} ct mark set 0
                ct mark 0 ct mark set jhash {ip} saddr mod 1024 seed {seed:#x} map @slots{n}
                ct mark != 0 update @sessions{n} {{ {ip} saddr : ct mark }}"
            ),
        );
    }
    script.chain("pick", "", "meta nfproto vmap { ipv4 : goto pick4, ipv6 : goto pick6 }");
    // A proxy that shows no client: each destination has its egress.
    let of = |ip: &str, n| {
        format!("ct mark set jhash {ip} daddr mod 1024 seed {seed:#x} map @slots{n}\n")
    };
    script.chain("pick_by_destination", "", &(of("ip", 4) + &of("ip6", 6)));
}

/// What comes in: from clients' tunnels, and at front doors. Most packets are of connections whose
/// first one was looked at: of them only what may have changed since is asked, here and below.
fn arrival(script: &mut Script) {
    let (pool4, pool6) = (TunnelAddresses::POOL4, TunnelAddresses::POOL6);
    let TunnelAddresses { v4, v6 } = TunnelAddresses::SERVER;
    script.chain(
        "of_clients",
        "",
        "jump cut
        ct state new jump pick
        meta mark set ct mark and 0xffff",
    );
    script.chain(
        "from_clients",
        "",
        &format!(
            "ct state established goto of_clients
            ip saddr != {pool4} drop
            ip6 saddr != {pool6} drop
            ip daddr {v4} return
            ip6 daddr {v6} return
            goto of_clients"
        ),
    );
    script.chain("refuse", "", "meta l4proto tcp reject with tcp reset\ndrop");
    script.chain(
        "drain",
        "",
        "ip daddr . meta l4proto . th dport @draining4 goto refuse
        ip6 daddr . meta l4proto . th dport @draining6 goto refuse",
    );
    script.chain(
        "arrive",
        "type filter hook prerouting priority mangle; policy accept;",
        &format!("iifname \"{CLIENT_TUNNEL}\" jump from_clients\nct state new jump drain"),
    );
    script.chain(
        "enter",
        "type nat hook prerouting priority dstnat; policy accept;",
        &format!(
            "iifname {{ \"lo\", \"{CLIENT_TUNNEL}\" }} return
            iifname \"wg-e*\" return
            ct mark set ip daddr . meta l4proto . th dport map @doors4
            ct mark set ip6 daddr . meta l4proto . th dport map @doors6
            counter name ct mark map @d_new
            jump doorways"
        ),
    );
}

/// What this server itself receives and sends.
fn own(script: &mut Script, facts: &IngressFacts<'_>) {
    let inner: BTreeSet<u16> =
        facts.config.frontdoors.values().map(|door| internal_port(&door.transport)).collect();
    let inner: Vec<_> = inner.iter().map(u16::to_string).collect();
    let closed = match inner.join(", ") {
        none if none.is_empty() => String::new(),
        ports => {
            format!("meta l4proto {{ tcp, udp }} th dport {{ {ports} }} ct status ! dnat drop")
        }
    };
    script.chain(
        "visitors",
        "",
        "ct state established,related accept
        icmp type echo-request limit rate 100/second accept
        icmpv6 type echo-request limit rate 100/second accept
        drop",
    );
    // The witness' address is nobody's but clients', by whichever interface others try it.
    script.chain("witness", "", "jump limits\naccept");
    let TunnelAddresses { v4, v6 } = TunnelAddresses::SERVER;
    script.chain(
        "receive",
        "type filter hook input priority filter; policy accept;",
        &format!(
            "iifname \"lo\" accept
            iifname \"{CLIENT_TUNNEL}\" ip daddr {v4} tcp dport {WITNESS_PORT} goto witness
            iifname \"{CLIENT_TUNNEL}\" ip6 daddr {v6} tcp dport {WITNESS_PORT} goto witness
            iifname \"{CLIENT_TUNNEL}\" goto visitors
            iifname \"wg-e*\" goto visitors
            ip daddr {v4} counter name bogon drop
            ip6 daddr {v6} counter name bogon drop
            ct direction original counter name ct mark and 0xffff0000 map @d_up
            {closed}"
        ),
    );
    proxies(script, facts);
}

/// Connections that proxies make for clients: by the overlay, like all that clients send.
fn proxies(script: &mut Script, facts: &IngressFacts<'_>) {
    let IngressConfig { sessions4, sessions6, .. } = facts.config;
    let (own4, own6, uid) = (facts.config.own4(), facts.config.own6(), facts.proxy_uid);
    script.chain(
        "of_proxies",
        "",
        "jump cut
        ct state new jump pick_by_destination
        meta mark set ct mark and 0xffff",
    );
    script.chain(
        "leave",
        "type route hook output priority mangle; policy accept;",
        &format!(
            "ct direction reply return
            oifname \"lo\" return
            ip saddr {own4} return
            ip6 saddr {own6} return
            ip saddr {sessions4} goto of_clients
            ip6 saddr {sessions6} goto of_clients
            meta skuid {uid} goto of_proxies"
        ),
    );
    let sessions = format!("ip saddr {sessions4} jump limits\nip6 saddr {sessions6} jump limits");
    script.chain("guarded", "", &format!("{}\njump guard\n{sessions}", resolver()));
    // Loopback is for a transport made of several programs, at ports that only transports have, and
    // for the witness, which answers and begins nothing.
    let TunnelAddresses { v4, v6 } = TunnelAddresses::SERVER;
    script.chain(
        "send",
        "type filter hook output priority filter; policy accept;",
        &format!(
            "ct direction reply counter name ct mark and 0xffff0000 map @d_down
            ct direction reply accept
            meta skuid {WITNESS_UID} counter name bogon reject
            meta mark and 0xffff != 0 jump guarded
            meta skuid {uid} oifname \"lo\" ip daddr {v4} tcp dport {WITNESS_PORT} accept
            meta skuid {uid} oifname \"lo\" ip6 daddr {v6} tcp dport {WITNESS_PORT} accept
            meta skuid {uid} oifname \"lo\" th dport != 20000-29999 counter name bogon reject"
        ),
    );
}

/// The resolver has an address that is nobody else's business.
fn resolver() -> String {
    let TunnelAddresses { v4, v6 } = TunnelAddresses::RESOLVER;
    format!(
        "ip daddr {v4} meta l4proto {{ tcp, udp }} th dport 53 accept
        ip6 daddr {v6} meta l4proto {{ tcp, udp }} th dport 53 accept"
    )
}

fn forwarding(script: &mut Script) {
    let first = format!("{}\njump guard\njump limits\naccept", resolver());
    script.chain("carry", "", &format!("ct state established accept\n{first}"));
    script.chain(
        "forward",
        "type filter hook forward priority filter; policy drop;",
        &format!(
            "iifname \"{CLIENT_TUNNEL}\" oifname \"wg-e*\" goto carry
            iifname \"wg-e*\" oifname \"{CLIENT_TUNNEL}\" ct state established,related accept"
        ),
    );
}

/// Session addresses leave by the overlay and by nothing else, whatever routes say.
fn departure(script: &mut Script, facts: &IngressFacts<'_>) {
    let IngressConfig { sessions4, sessions6, .. } = facts.config;
    let (pool4, pool6) = (TunnelAddresses::POOL4, TunnelAddresses::POOL6);
    let first = |own: IpAddr| match own {
        IpAddr::V4(own) => IpAddr::from(std::net::Ipv4Addr::from_bits(own.to_bits() + 1)),
        IpAddr::V6(own) => IpAddr::from(std::net::Ipv6Addr::from_bits(own.to_bits() + 1)),
    };
    let last4 = std::net::Ipv4Addr::from_bits(sessions4.broadcast().to_bits() - 1);
    let to = |own: IpAddr, last: IpAddr| format!("snat {} to {}-{last}", family(own), first(own));
    let to4 = to(facts.config.own4().into(), last4.into());
    let to6 = to(facts.config.own6().into(), sessions6.broadcast().into());
    script.chain(
        "translate",
        "type nat hook postrouting priority srcnat; policy accept;",
        &format!(
            "oifname != \"wg-e*\" return
            ip saddr {pool4} {to4} persistent
            ip6 saddr {pool6} {to6} persistent
            ip saddr != {sessions4} {to4}
            ip6 saddr != {sessions6} {to6}"
        ),
    );
    let uid = facts.proxy_uid;
    script.chain(
        "last",
        "type filter hook postrouting priority 300; policy accept;",
        &format!(
            "{CLAMP}
            oifname \"wg-e*\" accept
            oifname {{ \"lo\", \"{CLIENT_TUNNEL}\" }} accept
            ip saddr {{ {pool4}, {sessions4} }} counter name leak drop
            ip6 saddr {{ {pool6}, {sessions6} }} counter name leak drop
            meta mark and 0xffff != 0 counter name leak drop
            meta skuid {uid} ct direction original counter name leak drop
            meta skuid {uid} ct state {{ invalid, untracked }} counter name leak drop"
        ),
    );
}
