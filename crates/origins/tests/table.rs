//! The table as whole, held against a search through all of its lines.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use damm_fleet::Asn;
use damm_origins::{Error, Origins};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use proptest::prelude::*;

fn at(address: &str, table: &str) -> Option<String> {
    let table = Origins::parse(table).expect("the table was read");
    let origin = table.of(address.parse().expect("it is an address"))?;
    Some(format!("{} {}", origin.prefix, origin.asn))
}

#[test]
fn the_longest_prefix_answers_and_the_ones_around_it_answer_for_the_rest() {
    let table = "10.0.0.0/8 1\n10.1.0.0/16 2\n10.1.2.0/24 3\n10.1.4.0/24 4\n0.0.0.0/0 9\n";
    assert_eq!(at("10.1.2.255", table).unwrap(), "10.1.2.0/24 AS3");
    assert_eq!(at("10.1.3.0", table).unwrap(), "10.1.0.0/16 AS2");
    assert_eq!(at("10.1.5.0", table).unwrap(), "10.1.0.0/16 AS2");
    assert_eq!(at("10.255.255.255", table).unwrap(), "10.0.0.0/8 AS1");
    assert_eq!(at("11.0.0.0", table).unwrap(), "0.0.0.0/0 AS9");
    assert_eq!(at("255.255.255.255", table).unwrap(), "0.0.0.0/0 AS9");
}

#[test]
fn what_no_prefix_holds_has_no_origin_and_families_do_not_mix() {
    let table = "192.0.2.0/24 1\n2001:db8::/32 2\n";
    assert_eq!(at("192.0.3.0", table), None);
    assert_eq!(at("2001:db9::", table), None);
    assert_eq!(at("::192.0.2.1", table), None);
    assert_eq!(at("::ffff:192.0.2.1", table).unwrap(), "192.0.2.0/24 AS1");
}

#[test]
fn the_later_of_two_lines_counts_so_that_an_operator_can_add_their_own() {
    assert_eq!(at("192.0.2.1", "192.0.2.0/24 1\n192.0.2.0\t24\t2").unwrap(), "192.0.2.0/24 AS2");
}

#[test]
fn an_error_says_its_line() {
    let error = Origins::parse("192.0.2.0/24 1\n\n# remark\n192.0.2.0/24 x\n").unwrap_err();
    assert!(error.to_string().starts_with("line 4: `x`"), "{error}");
    assert_eq!(Origins::parse("# nothing\n").unwrap_err(), Error::Empty);
}

/// Prefixes of a small space, so that many lie in one another.
fn prefix() -> impl Strategy<Value = IpNet> {
    prop_oneof![
        (0u32..4096, 18u8..=32).prop_map(|(a, length)| {
            IpNet::from(Ipv4Net::new_assert(Ipv4Addr::from(0x0a00_0000 | a), length)).trunc()
        }),
        (0u128..4096, 0u8..=128).prop_map(|(a, length)| {
            IpNet::from(Ipv6Net::new_assert(Ipv6Addr::from(a << 70), length)).trunc()
        }),
    ]
}

fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        (0u32..5000).prop_map(|a| IpAddr::from(Ipv4Addr::from(0x0a00_0000 | a))),
        (0u128..5000).prop_map(|a| IpAddr::from(Ipv6Addr::from(a << 69))),
    ]
}

/// The longest prefix that holds an address, and of equal ones the last.
fn searched(lines: &[(IpNet, u32)], address: IpAddr) -> Option<(IpNet, Asn)> {
    let holding = lines.iter().filter(|(prefix, _)| prefix.contains(&address));
    holding.max_by_key(|(prefix, _)| prefix.prefix_len()).map(|(p, asn)| (*p, Asn(*asn)))
}

proptest! {
    #[test]
    fn the_table_answers_as_a_search_through_all_lines_does(
        lines in prop::collection::vec((prefix(), 1u32..9), 1..60),
        addresses in prop::collection::vec(address(), 40),
    ) {
        let mut text = String::new();
        for (prefix, asn) in &lines {
            writeln!(text, "{prefix} {asn}").unwrap();
        }
        let table = Origins::parse(&text).unwrap();
        for address in addresses {
            let found = table.of(address).map(|o| (o.prefix, o.asn));
            prop_assert_eq!(found, searched(&lines, address), "{} in\n{}", address, text);
        }
    }

    #[test]
    fn a_range_holds_its_addresses_and_no_other(first in 0u32..4000, more in 0u32..4000) {
        let (first, last) = (0x0a00_0010 + first, 0x0a00_0010 + first + more);
        let table = Origins::parse(&format!("{first}\t{last}\t5\tNL\tX\n")).unwrap();
        let held = |a: u32| table.of(IpAddr::from(Ipv4Addr::from(a))).is_some();
        for inside in [first, first + more / 2, last] {
            prop_assert!(held(inside));
        }
        prop_assert!(!held(first - 1) && !held(last + 1));
    }
}
