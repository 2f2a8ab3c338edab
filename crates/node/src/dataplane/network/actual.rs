//! What there is on a server, from what `ip -json` prints.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;

use crate::dataplane::network::{PROTOCOL, Route, RouteKind, Rule};
use crate::dataplane::ruleset::Primary;

/// What there is, as far as it concerns us.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Actual {
    /// Interfaces by name: their largest packet, and whether they are up.
    pub links: BTreeMap<String, (u32, bool)>,
    /// All addresses, by interface.
    pub addresses: BTreeSet<(String, IpNet)>,
    /// Those that the kernel may send from by itself, in its order.
    pub preferred: Vec<(String, IpAddr)>,
    /// Our routes.
    pub routes: BTreeSet<Route>,
    /// Our rules.
    pub rules: BTreeSet<Rule>,
}

#[derive(Deserialize)]
struct LinkText {
    ifname: String,
    #[serde(default)]
    mtu: u32,
    #[serde(default)]
    flags: Vec<String>,
    #[serde(default)]
    addr_info: Vec<AddressText>,
}

#[derive(Deserialize)]
struct AddressText {
    local: Option<IpAddr>,
    prefixlen: u8,
    #[serde(default)]
    preferred_life_time: u32,
    #[serde(default)]
    scope: String,
}

#[derive(Deserialize)]
struct RouteText {
    #[serde(default, rename = "type")]
    kind: String,
    dst: String,
    dev: Option<String>,
    #[serde(default = "main")]
    table: String,
    #[serde(default)]
    protocol: String,
    /// Only routes of IPv6 have a preference.
    pref: Option<String>,
}

fn main() -> String {
    "main".to_owned()
}

fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    serde::de::IgnoredAny::deserialize(from).map(|_| true)
}

#[derive(Deserialize)]
struct RuleText {
    priority: u32,
    #[serde(default)]
    protocol: String,
    /// Written as null when it is meant.
    #[serde(default, deserialize_with = "present")]
    not: bool,
    src: Option<String>,
    srclen: Option<u8>,
    fwmark: Option<String>,
    fwmask: Option<String>,
    iif: Option<String>,
    table: Option<String>,
    goto: Option<serde_json::Value>,
    action: Option<String>,
}

impl Actual {
    /// Reads what `ip -json -details -batch` printed for links with their addresses, routes of all
    /// tables, and rules of IPv4; and another for the rules of IPv6.
    ///
    /// # Errors
    /// What was expected and not found.
    pub fn read(first: &str, rules6: &str) -> Result<Self, String> {
        let mut values = serde_json::Deserializer::from_str(first).into_iter();
        let mut next = || -> Result<serde_json::Value, String> {
            let value = values.next().ok_or("there is too little of it")?;
            value.map_err(|e| e.to_string())
        };
        let mut actual = Self::default();
        actual.take_links(parse(next()?)?);
        let routes: Vec<RouteText> = parse(next()?)?;
        actual.routes = routes.into_iter().filter_map(RouteText::ours).collect();
        let rules4: Vec<RuleText> = parse(next()?)?;
        let rules6: Vec<RuleText> = serde_json::from_str(rules6).map_err(|e| e.to_string())?;
        let rules = rules4.into_iter().map(|rule| (true, rule));
        let rules = rules.chain(rules6.into_iter().map(|rule| (false, rule)));
        actual.rules = rules.filter_map(|(v4, rule)| rule.ours(v4)).collect();
        Ok(actual)
    }

    fn take_links(&mut self, links: Vec<LinkText>) {
        for link in links {
            let up = link.flags.iter().any(|flag| flag == "UP");
            self.links.insert(link.ifname.clone(), (link.mtu, up));
            for address in link.addr_info {
                let net = address.local.and_then(|ip| IpNet::new(ip, address.prefixlen).ok());
                let Some(net) = net else { continue };
                if address.preferred_life_time > 0 && address.scope == "global" {
                    self.preferred.push((link.ifname.clone(), net.addr()));
                }
                self.addresses.insert((link.ifname.clone(), net));
            }
        }
    }

    /// Whether any interface has the address.
    pub fn has(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|(_, net)| net.addr() == address)
    }

    /// The addresses that the kernel answers from by itself on an interface: none of those that
    /// we put there, which may go away.
    pub fn primary(&self, uplink: &str, ours: &BTreeSet<IpAddr>) -> Primary {
        let mut primary = Primary::default();
        let on = self.preferred.iter().filter(|(link, own)| link == uplink && !ours.contains(own));
        for (_, address) in on {
            match address {
                IpAddr::V4(own) => primary.v4 = primary.v4.or(Some(*own)),
                IpAddr::V6(own) => primary.v6 = primary.v6.or(Some(*own)),
            }
        }
        primary
    }
}

fn parse<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|e| e.to_string())
}

impl RouteText {
    /// The route, when it is ours.
    fn ours(self) -> Option<Route> {
        if self.protocol != PROTOCOL {
            return None;
        }
        let to = match (self.dst.as_str(), &self.pref) {
            ("default", None) => IpNet::V4(ipnet::Ipv4Net::default()),
            ("default", Some(_)) => IpNet::V6(ipnet::Ipv6Net::default()),
            (net, _) if net.contains('/') => net.parse().ok()?,
            (address, _) => address.parse::<IpAddr>().ok()?.into(),
        };
        let kind = match self.kind.as_str() {
            "local" => RouteKind::Local,
            "unreachable" => RouteKind::Unreachable,
            _ => RouteKind::By(self.dev?),
        };
        Some(Route { table: self.table, to, kind })
    }
}

impl RuleText {
    fn ours(self, v4: bool) -> Option<Rule> {
        if self.protocol != PROTOCOL {
            return None;
        }
        let not = if self.not { "not " } else { "" };
        let select = match (&self.fwmark, &self.iif, &self.src) {
            (Some(mark), _, _) => {
                format!("{not}fwmark {mark}/{}", self.fwmask.as_deref().unwrap_or("0xffffffff"))
            }
            (_, Some(iif), _) => format!("{not}iif {iif}"),
            (_, _, Some(src)) => match self.srclen {
                Some(length) => format!("{not}from {src}/{length}"),
                None => format!("{not}from {src}"),
            },
            _ => return None,
        };
        let action = match (self.goto, self.table, self.action) {
            (Some(to), _, _) => format!("goto {}", to.to_string().trim_matches('"')),
            (_, Some(table), _) => format!("lookup {table}"),
            (_, _, Some(action)) => action,
            _ => return None,
        };
        Some(Rule { priority: self.priority, v4, select, action })
    }
}
