//! The kernel's settings below `/proc/sys`.

use std::io;
use std::path::{Path, PathBuf};

use crate::dataplane::conntrack::ESTABLISHED;
use crate::dataplane::tools::Tools;
use crate::dataplane::{CLIENT_TUNNEL, DataplaneError};

/// Makes the kernel's settings what they should be; `links` are the overlay's interfaces.
pub fn set<'a>(
    tools: &Tools,
    uplink: &str,
    links: impl Iterator<Item = &'a String>,
) -> Result<(), DataplaneError> {
    // A server that forwards ignores its provider's IPv6 routes, unless told.
    raise(tools, &format!("net/ipv6/conf/{uplink}/accept_ra"), "1", "2")?;
    let timeout = ESTABLISHED.to_string();
    let fixed = [
        // Answers come by another way than the main table knows. The greater of `all` and an
        // interface's own counts, so this leaves the others as they are.
        ("net/ipv4/conf/all/rp_filter", "0"),
        // Of two addresses of one network the second outlives the first.
        ("net/ipv4/conf/all/promote_secondaries", "1"),
        ("net/netfilter/nf_conntrack_tcp_timeout_established", timeout.as_str()),
        // QUIC's connections are idle for so long (RFC 9308, section 4.2).
        ("net/netfilter/nf_conntrack_udp_timeout_stream", "180"),
    ];
    for (setting, value) in fixed {
        write(tools, setting, value)?;
    }
    for link in links.map(String::as_str).chain([CLIENT_TUNNEL]) {
        write(tools, &format!("net/ipv4/conf/{link}/rp_filter"), "0")?;
    }
    // At last: nothing is forwarded before the ruleset stands.
    write(tools, "net/ipv4/ip_forward", "1")?;
    write(tools, "net/ipv6/conf/all/forwarding", "1")
}

fn raise(tools: &Tools, setting: &str, from: &str, to: &str) -> Result<(), DataplaneError> {
    match std::fs::read_to_string(path(setting)) {
        Ok(value) if value.trim() == from => write(tools, setting, to),
        _ => Ok(()),
    }
}

/// Writes a setting that is there and different. One that is not there is of a kernel without what
/// it sets (IPv6, say), or of an interface that is not made yet.
fn write(tools: &Tools, setting: &str, value: &str) -> Result<(), DataplaneError> {
    let path = path(setting);
    match std::fs::read_to_string(&path) {
        Ok(is) if is.trim() == value => return Ok(()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        _ => {}
    }
    tools.changed();
    let failed = |source| DataplaneError::Sysctl { setting: setting.to_owned(), source };
    std::fs::write(&path, value).map_err(failed)
}

fn path(setting: &str) -> PathBuf {
    Path::new("/proc/sys").join(setting)
}
