//! Names in zones, and how a record set shows whose it is.

use std::net::IpAddr;

/// What a TXT record begins with that says whose the addresses beside it are.
const HERITAGE: &str = "heritage=damm,fleet=";

/// Whether a name is the zone's own or one below it.
pub fn holds(zone: &str, name: &str) -> bool {
    let label = name.strip_suffix(zone);
    label.is_some_and(|l| l.is_empty() || (l.len() > 1 && l.ends_with('.')))
}

/// Why a name outside a zone is refused, in words.
pub fn outside(zone: &str, name: &str) -> String {
    format!("`{name}` is not in the zone `{zone}`")
}

/// Why a name whose records are not the fleet's is refused, in words.
pub fn foreign(fleet: &str, name: &str) -> String {
    format!("records stand at `{name}` that the fleet `{fleet}` does not own")
}

/// The comment that marks a record set of a fleet.
pub fn comment(fleet: &str) -> String {
    format!("damm fleet={fleet}")
}

/// The text of the TXT record that marks a record set of a fleet.
pub fn mark(fleet: &str) -> String {
    format!("{HERITAGE}{fleet}")
}

/// The fleet that the text of a TXT record names; none where the text is no mark of ours.
pub fn marked(text: &str) -> Option<&str> {
    text.strip_prefix(HERITAGE)
}

/// The name that the mark of a name's records stands at: `damm-eu.example.org` for
/// `eu.example.org`, and `damm.example.org` for the zone's own name, which no other name's mark is.
/// None where the label has no room for it: it may have 58 symbols.
pub fn mark_name(zone: &str, name: &str) -> Option<String> {
    if name == zone {
        return Some(format!("damm.{zone}"));
    }
    let label = name.split('.').next().unwrap_or_default();
    (label.len() + "damm-".len() <= 63).then(|| format!("damm-{name}"))
}

/// The name whose records a mark at a name is about; none where no mark of ours stands there.
pub fn marked_name<'a>(zone: &'a str, at: &'a str) -> Option<&'a str> {
    match at.strip_prefix("damm.") {
        Some(rest) if rest == zone => Some(zone),
        _ => at.strip_prefix("damm-").filter(|name| *name != zone && holds(zone, name)),
    }
}

/// The type of record that holds an address.
pub const fn record_type(address: IpAddr) -> &'static str {
    match address {
        IpAddr::V4(_) => "A",
        IpAddr::V6(_) => "AAAA",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_holds_its_own_name_and_those_below() {
        for name in ["example.org", "eu.example.org", "a.eu.example.org"] {
            assert!(holds("example.org", name), "{name}");
        }
        for name in ["notexample.org", "example.com", "org", "", ".example.org"] {
            assert!(!holds("example.org", name), "{name}");
        }
    }

    #[test]
    fn the_mark_of_a_name_leads_back_to_it() {
        let zone = "example.org";
        for name in [zone, "eu.example.org", "a.eu.example.org", "damm.example.org"] {
            let at = mark_name(zone, name).unwrap();
            assert!(holds(zone, &at), "{at}");
            assert_eq!(marked_name(zone, &at), Some(name));
        }
        for at in [zone, "eu.example.org", "damm-example.org", "damm.eu.example.org"] {
            assert_eq!(marked_name(zone, at), None, "{at}");
        }
        assert_eq!(mark_name(zone, &format!("{}.example.org", "a".repeat(59))), None);
        assert_eq!(marked(&mark("x")), Some("x"));
        assert_eq!(marked("v=spf1"), None);
    }
}
