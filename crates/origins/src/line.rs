//! One line of a table, in whichever format.

use std::net::{IpAddr, Ipv4Addr};

use damm_fleet::Asn;
use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};

use crate::{Country, Origin};

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nothing follows the prefix.
    #[error(
        "it has too few columns: write `PREFIX ASN [COUNTRY]`, or the lines of a pfx2as or \
         iptoasn file"
    )]
    Short,
    /// A text where a prefix has to be.
    #[error("`{0}` is not a prefix: write it as in 192.0.2.0/24 or 2001:db8::/32")]
    Prefix(String),
    /// Bits behind the prefix's length.
    #[error("`{0}` has bits set behind its length: did you mean {1}?")]
    Loose(String, IpNet),
    /// A text where an address has to be.
    #[error("`{0}` is not an IP address")]
    Address(String),
    /// A range that ends before it begins, or in the other family.
    #[error("`{0}` to `{1}` is not a range: the last address has to follow the first")]
    Range(IpAddr, IpAddr),
    /// A text where the number of an autonomous system has to be.
    #[error("`{0}` is not the number of an autonomous system: write it as in 64500 or AS64500")]
    Asn(String),
    /// A text where a country's code has to be.
    #[error("`{0}` is not a country: write its two letters (ISO 3166-1), or leave it out")]
    Country(String),
}

/// What a line says; nothing, when it is empty, a remark or of what nobody announces.
pub fn read(line: &str) -> Result<Vec<Origin>, Fault> {
    // Some editors begin a file with a byte order mark.
    let line = line.trim_start_matches('\u{feff}').trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(Vec::new());
    }
    let columns = columns(line);
    let at = |n: usize| columns.get(n).copied().ok_or(Fault::Short);
    let (first, second) = (at(0)?, at(1)?);
    let (prefixes, rest) = match (first.contains('/'), second.parse()) {
        (true, _) => (vec![prefix(first)?], 1),
        // A range of numbered addresses may end low too, but doesn't begin like an address.
        (false, Ok(length)) if !is_number(first) => (vec![pair(first, length)?], 2),
        (false, _) => (range(first, second)?, 2),
    };
    let Some(asn) = asn(at(rest)?)? else { return Ok(Vec::new()) };
    let country = columns.get(rest + 1).map_or(Ok(None), |text| country(text))?;
    Ok(prefixes.into_iter().map(|prefix| Origin { asn, prefix, country }).collect())
}

/// Names have blanks in them, and sets of origins have commas, so the widest separator counts.
fn columns(line: &str) -> Vec<&str> {
    if line.contains('\t') {
        line.split('\t').map(str::trim).collect()
    } else if line.contains(' ') {
        line.split_whitespace().collect()
    } else {
        line.split(',').collect()
    }
}

fn prefix(text: &str) -> Result<IpNet, Fault> {
    let prefix: IpNet = text.parse().map_err(|_| Fault::Prefix(text.to_owned()))?;
    match prefix.trunc() {
        tight if tight == prefix => Ok(prefix),
        tight => Err(Fault::Loose(text.to_owned(), tight)),
    }
}

fn pair(first: &str, length: u8) -> Result<IpNet, Fault> {
    prefix(&format!("{first}/{length}"))
}

fn range(first: &str, last: &str) -> Result<Vec<IpNet>, Fault> {
    let (first, last) = (address(first)?, address(last)?);
    match (first, last) {
        (IpAddr::V4(a), IpAddr::V4(b)) if a <= b => {
            Ok(Ipv4Subnets::new(a, b, 0).map(IpNet::V4).collect())
        }
        (IpAddr::V6(a), IpAddr::V6(b)) if a <= b => {
            Ok(Ipv6Subnets::new(a, b, 0).map(IpNet::V6).collect())
        }
        _ => Err(Fault::Range(first, last)),
    }
}

/// An address; those of IPv4 may be written as one number, as in iptoasn's `u32` files.
fn address(text: &str) -> Result<IpAddr, Fault> {
    let number = || text.parse().ok().map(|n: u32| Ipv4Addr::from(n).into());
    text.parse().ok().or_else(number).ok_or_else(|| Fault::Address(text.to_owned()))
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

/// The first of several origins; none for AS0.
fn asn(text: &str) -> Result<Option<Asn>, Fault> {
    let first = text.split(['_', ',']).next().unwrap_or(text);
    let digits = first.strip_prefix("AS").unwrap_or(first);
    let number = digits.parse().map_err(|_| Fault::Asn(text.to_owned()))?;
    Ok((number != 0).then_some(Asn(number)))
}

/// A country; iptoasn writes `None`, others `ZZ` or nothing where they know none.
fn country(text: &str) -> Result<Option<Country>, Fault> {
    match text {
        "" | "-" | "None" | "ZZ" => Ok(None),
        code => Country::new(code).map(Some).ok_or_else(|| Fault::Country(code.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str) -> String {
        match read(line) {
            Ok(said) => {
                let one = |o: &Origin| match o.country {
                    Some(country) => format!("{} {} {country}", o.prefix, o.asn),
                    None => format!("{} {}", o.prefix, o.asn),
                };
                said.iter().map(one).collect::<Vec<_>>().join("; ")
            }
            Err(fault) => fault.to_string(),
        }
    }

    #[test]
    fn every_format_is_told_by_the_line_itself() {
        for (line, expected) in [
            ("192.0.2.0\t24\t64500", "192.0.2.0/24 AS64500"),
            ("2001:db8::\t32\t64500_64501", "2001:db8::/32 AS64500"),
            ("192.0.2.0\t24\t64501,64502_64503", "192.0.2.0/24 AS64501"),
            ("192.0.2.0 24 64500", "192.0.2.0/24 AS64500"),
            ("192.0.2.0\t192.0.2.255\t64500\tNL\tEXAMPLE Some Name", "192.0.2.0/24 AS64500 NL"),
            (
                "192.0.2.0\t192.0.2.191\t64500\tNL\tEXAMPLE",
                "192.0.2.0/25 AS64500 NL; 192.0.2.128/26 AS64500 NL",
            ),
            ("2001:db8::\t2001:db8:ffff:ffff:ffff:ffff:ffff:ffff\t7\tNone\tX", "2001:db8::/32 AS7"),
            ("3221225984\t3221226239\t64500\tNL\tEXAMPLE", "192.0.2.0/24 AS64500 NL"),
            ("0\t255\t64500\tZZ\tEXAMPLE", "0.0.0.0/24 AS64500"),
            ("192.0.2.0/24 AS64500 nl", "192.0.2.0/24 AS64500 NL"),
            ("192.0.2.0/24,64500,NL", "192.0.2.0/24 AS64500 NL"),
            ("192.0.2.0/24\t64500", "192.0.2.0/24 AS64500"),
            ("192.0.2.0\t192.0.2.255\t0\tNone\tNot routed", ""),
            ("  # a remark", ""),
            ("", ""),
        ] {
            assert_eq!(said(line), expected, "{line:?}");
        }
    }

    #[test]
    fn a_line_that_cannot_be_read_says_what_is_wrong_with_it() {
        for (line, words) in [
            ("192.0.2.0/24", "too few columns"),
            ("192.0.2.0\t24", "too few columns"),
            ("192.0.2.0\t33\t64500", "`192.0.2.0/33` is not a prefix"),
            ("example/24 64500", "`example/24` is not a prefix"),
            ("192.0.2.1/24 64500", "did you mean 192.0.2.0/24?"),
            ("192.0.2.0 192.0.2 64500", "`192.0.2` is not an IP address"),
            ("192.0.2.9 192.0.2.0 64500", "is not a range"),
            ("192.0.2.9 2001:db8:: 64500", "is not a range"),
            ("192.0.2.0/24 NL", "`NL` is not the number"),
            ("192.0.2.0/24 4294967296", "`4294967296` is not the number"),
            ("192.0.2.0/24 64500 Netherlands", "`Netherlands` is not a country"),
        ] {
            let said = said(line);
            assert!(said.contains(words), "{line:?} says: {said}");
        }
    }
}
