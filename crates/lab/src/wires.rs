//! Namespaces and the links between them.
//!
//! Each link is a point-to-point one: what stands at its far end has its own address alone, and the
//! core at `169.254.1.1` and `fe80::1` for its gateway. The core has a route for each address and
//! no other, so what nobody has leads nowhere, as on the internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::error::Result;
use crate::layout::Site;
use crate::tools;

/// The core's end of every link.
const GATEWAY4: &str = "169.254.1.1";
const GATEWAY6: &str = "fe80::1";
/// The far end of every link: the core sends IPv6 there, so a machine need not answer for its
/// addresses one by one.
const FAR6: &str = "fe80::2";

/// What the core's kernel is told: it forwards, and lets nobody speak in another's name.
const CORE: &str = "\
echo 1 > /proc/sys/net/ipv4/ip_forward
echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
echo 1 > /proc/sys/net/ipv4/conf/all/rp_filter
echo 1 > /proc/sys/net/ipv4/conf/default/rp_filter
echo 0 > /proc/sys/net/ipv4/icmp_ratelimit
";

/// Something to be linked with the core.
#[derive(Debug, Clone, Copy)]
pub struct End<'a> {
    /// The core's name of the link: 15 symbols at most.
    pub link: &'a str,
    /// The namespace at the far end.
    pub namespace: &'a str,
    /// Its address.
    pub v4: Ipv4Addr,
    /// The same of IPv6.
    pub v6: Option<Ipv6Addr>,
}

impl<'a> End<'a> {
    /// An end with both addresses.
    pub const fn at(link: &'a str, namespace: &'a str, site: Site) -> Self {
        Self { link, namespace, v4: site.v4, v6: Some(site.v6) }
    }
}

/// Makes the core, unless it is there.
pub fn make_core(core: &str) -> Result<()> {
    if tools::exists(core) {
        return Ok(());
    }
    tools::run("ip", &["netns", "add", core])?;
    tools::within(core, &["sh", "-e"], CORE)?;
    tools::ip(core, "link set lo up\n").map(drop)
}

/// Makes a namespace and links it with the core. What was left of an earlier attempt is removed.
pub fn connect(core: &str, end: End<'_>) -> Result<()> {
    disconnect(core, end.link, end.namespace)?;
    tools::run("ip", &["netns", "add", end.namespace])?;
    let (link, namespace, v4) = (end.link, end.namespace, end.v4);
    let near = format!(
        "link add {link} type veth peer name eth0 netns {namespace}\n\
         link set {link} addrgenmode none\n\
         addr add {GATEWAY4}/32 dev {link}\n\
         addr add {GATEWAY6}/64 dev {link} nodad\n\
         link set {link} up\n\
         route replace {v4}/32 dev {link}\n"
    );
    let far = format!(
        "link set lo up\n\
         link set eth0 addrgenmode none\n\
         addr add {v4}/32 dev eth0\n\
         addr add {FAR6}/64 dev eth0 nodad\n\
         link set eth0 up\n\
         route add {GATEWAY4} dev eth0 scope link\n\
         route add default via {GATEWAY4} dev eth0 onlink\n\
         route add default via {GATEWAY6} dev eth0\n"
    );
    tools::ip(core, &near)?;
    tools::ip(namespace, &far)?;
    end.v6.map_or(Ok(()), |v6| hold(core, end, v6.into()))
}

/// Gives what stands at an end one more address.
pub fn hold(core: &str, end: End<'_>, address: IpAddr) -> Result<()> {
    let (length, nodad) = if address.is_ipv6() { (128, " nodad") } else { (32, "") };
    tools::ip(end.namespace, &format!("addr replace {address}/{length} dev eth0{nodad}\n"))?;
    route(core, address, end.link, end.v4)
}

/// Leads an address to a link. The machine there has to take it.
pub fn route(core: &str, address: IpAddr, link: &str, own: Ipv4Addr) -> Result<()> {
    let command = match address {
        IpAddr::V4(_) if address == own => format!("route replace {address}/32 dev {link}\n"),
        IpAddr::V4(_) => format!("route replace {address}/32 via {own} dev {link} onlink\n"),
        IpAddr::V6(_) => format!("route replace {address}/128 via {FAR6} dev {link}\n"),
    };
    tools::ip(core, &command).map(drop)
}

/// Leads an address nowhere.
pub fn unroute(core: &str, address: IpAddr) -> Result<()> {
    let length = if address.is_ipv6() { 128 } else { 32 };
    let target = format!("{address}/{length}");
    let family = if address.is_ipv6() { "-6" } else { "-4" };
    let there = tools::run("ip", &["-n", core, family, "route", "show", &target])?;
    match there.trim().is_empty() {
        true => Ok(()),
        false => tools::ip(core, &format!("route del {target}\n")).map(drop),
    }
}

/// Removes a namespace with its link and all that runs in it.
pub fn disconnect(core: &str, link: &str, namespace: &str) -> Result<()> {
    if !tools::exists(namespace) {
        return Ok(());
    }
    tools::kill_all(namespace)?;
    // The kernel takes a namespace's links down some time after it; its name is wanted back now.
    let linked = tools::run("ip", &["-n", core, "-o", "link", "show"])?;
    if linked.lines().any(|l| l.split(['@', ' ']).any(|word| word == link)) {
        tools::ip(core, &format!("link del {link}\n"))?;
    }
    tools::run("ip", &["netns", "del", namespace]).map(drop)
}
