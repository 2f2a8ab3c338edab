//! How our mark is written on the vendor's things.

use damm_clouds::Tag;
use damm_fleet::Timestamp;

use super::service::Query;
use super::xml::Element;

/// The tag that holds the fleet's name: listings filter by it.
pub const FLEET: &str = "damm-fleet";

/// The tag that holds our whole mark.
const MARK: &str = "damm";

/// The tag that holds when an address was made; the vendor does not tell.
const MADE: &str = "damm-made";

/// The filter of listings that goes by the fleet.
pub fn fleet_filter() -> String {
    format!("tag:{FLEET}")
}

/// Marks what a call makes: each of these kinds of resource. The moment is left out where the same
/// call may be made again: it has to be of the same words then.
pub fn mark(query: Query, kinds: &[&str], tag: &Tag, name: &str, made: Option<Timestamp>) -> Query {
    let (mark, made) = (tag.to_string(), made.map(|at| at.as_millis().to_string()));
    let mut pairs = vec![("Name", name), (FLEET, tag.fleet.as_str()), (MARK, mark.as_str())];
    pairs.extend(made.as_deref().map(|at| (MADE, at)));
    kinds.iter().enumerate().fold(query, |query, (i, kind)| {
        let at = format!("TagSpecification.{}", i + 1);
        let query = query.with(format!("{at}.ResourceType"), *kind);
        pairs.iter().enumerate().fold(query, |query, (n, (key, value))| {
            let at = format!("{at}.Tag.{}", n + 1);
            query.with(format!("{at}.Key"), *key).with(format!("{at}.Value"), *value)
        })
    })
}

/// Our mark on a thing; none where there is none that we can read.
pub fn read(thing: &Element) -> Option<Tag> {
    value(thing, MARK)?.parse().ok()
}

/// When a thing was made, as its tag says.
pub fn made_at(thing: &Element) -> Option<Timestamp> {
    value(thing, MADE)?.parse().ok().map(Timestamp::from_millis)
}

fn value<'a>(thing: &'a Element, key: &str) -> Option<&'a str> {
    let tag = thing.items("tagSet", "item").find(|t| t.text(&["key"]) == Some(key));
    tag.and_then(|t| t.text(&["value"]))
}
