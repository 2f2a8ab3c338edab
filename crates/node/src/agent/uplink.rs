//! Which interface leads to the internet.

/// The interface of the default route: of IPv4, or where there is none of IPv6.
pub fn uplink() -> Option<String> {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    of_ipv4(&read("/proc/net/route")).or_else(|| of_ipv6(&read("/proc/net/ipv6_route")))
}

/// Columns: interface, destination, gateway, flags, …, metric (6), mask (7).
fn of_ipv4(table: &str) -> Option<String> {
    let rows = table.lines().skip(1).map(|l| l.split_whitespace().collect::<Vec<_>>());
    let default = rows.filter(|r| r.get(1) == Some(&"00000000") && r.get(7) == Some(&"00000000"));
    let metric = |row: &Vec<&str>| row.get(6).and_then(|m| m.parse().ok()).unwrap_or(u32::MAX);
    let best = default.min_by_key(metric)?;
    best.first().map(|name| (*name).to_owned())
}

/// Columns: destination, its prefix length, …, metric (5), …, flags (8), interface (9). The
/// kernel's own "unreachable" stands on `lo`.
fn of_ipv6(table: &str) -> Option<String> {
    let rows = table.lines().map(|l| l.split_whitespace().collect::<Vec<_>>());
    let default = rows.filter(|r| {
        r.first().is_some_and(|d| d.bytes().all(|b| b == b'0'))
            && r.get(1) == Some(&"00")
            && r.get(9).is_some_and(|name| *name != "lo")
    });
    let metric = |row: &Vec<&str>| row.get(5).and_then(|m| u32::from_str_radix(m, 16).ok());
    let best = default.min_by_key(|row| metric(row).unwrap_or(u32::MAX))?;
    best.get(9).map(|name| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const IPV4: &str = "\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth1\t00000000\t0102A8C0\t0003\t0\t0\t200\t00000000\t0\t0\t0
eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth2\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
";

    #[test]
    fn the_default_route_with_the_least_metric_leads_to_the_internet() {
        assert_eq!(of_ipv4(IPV4).as_deref(), Some("eth0"));
        assert_eq!(of_ipv4("Iface\tDestination\n"), None);
    }

    #[test]
    fn a_server_without_ipv4_has_an_uplink_too() {
        let zeros = "0".repeat(32);
        let row = |metric: &str, name: &str| {
            format!("{zeros} 00 {zeros} 00 {zeros} {metric} 00000001 00000000 00000003 {name}\n")
        };
        let table = row("ffffffff", "lo") + &row("00000400", "ens4") + &row("00000800", "ens3");
        assert_eq!(of_ipv6(&table).as_deref(), Some("ens4"));
        assert_eq!(of_ipv6(""), None);
    }
}
