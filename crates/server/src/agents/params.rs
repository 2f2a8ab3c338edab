//! What clients are told of transports: it comes from agents, and goes into signed catalogs.

use std::collections::BTreeMap;

use damm_protocol::Refusal;

/// Kinds of transports on a node, and params of each, at most.
const MOST: usize = 16;

/// Bytes of a name, and of a value, at most: a certificate of an elliptic curve's key fits.
const LONGEST: (usize, usize) = (64, 1_024);

/// Refuses what no client could read: a catalog that holds it would be refused by all who are told
/// of it, whatever else it holds.
pub(super) fn check(
    transports: &BTreeMap<String, BTreeMap<String, String>>,
) -> Result<(), Refusal> {
    let fits = |text: &String, longest| {
        text.len() <= longest && text.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
    };
    let each = |(kind, params): (&String, &BTreeMap<String, String>)| {
        let good = |(k, v): (&String, &String)| fits(k, LONGEST.0) && fits(v, LONGEST.1);
        fits(kind, LONGEST.0) && params.len() <= MOST && params.iter().all(good)
    };
    match transports.len() <= MOST && transports.iter().all(each) {
        true => Ok(()),
        false => {
            let why = "what it says of its transports is too long or not printable".to_owned();
            Err(Refusal::Malformed { why })
        }
    }
}
