//! Whether bytes hold an address, in any of the forms in which it could be written.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use damm_catalog::{Catalog, Envelope};
use serde_json::Value;

/// The ways in which an address could be written as text.
fn spellings(address: IpAddr) -> Vec<String> {
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    match address {
        IpAddr::V4(four) => {
            let [a, b, c, d] = four.octets();
            let mapped = four.to_ipv6_mapped();
            let mut all = vec![
                four.to_string(),
                format!("{d}.{c}.{b}.{a}"),
                format!("{a:03}.{b:03}.{c:03}.{d:03}"),
                u32::from(four).to_string(),
                hex(&four.octets()),
            ];
            all.extend(spellings(IpAddr::V6(mapped)));
            all
        }
        IpAddr::V6(six) => {
            let groups = six.segments();
            let full: Vec<_> = groups.iter().map(|g| format!("{g:04x}")).collect();
            let short: Vec<_> = groups.iter().map(|g| format!("{g:x}")).collect();
            let digits: String = hex(&six.octets());
            let arpa: Vec<_> = digits.chars().rev().map(String::from).collect();
            vec![six.to_string(), full.join(":"), short.join(":"), digits, arpa.join(".")]
        }
    }
}

/// The ways in which an address could be written as bytes, or as text that may stand within a
/// longer word. What base 64 pads begins with what it does not.
fn runs(address: IpAddr) -> Vec<Vec<u8>> {
    let (raw, dashed) = match address {
        IpAddr::V4(four) => (four.octets().to_vec(), four.to_string().replace('.', "-")),
        IpAddr::V6(six) => (six.octets().to_vec(), six.to_string().replace(':', "-")),
    };
    let turned = raw.iter().rev().copied().collect();
    let encoded = [STANDARD_NO_PAD.encode(&raw), URL_SAFE_NO_PAD.encode(&raw), dashed];
    let mut all = vec![raw, turned];
    all.extend(encoded.map(String::into_bytes));
    all
}

/// No spelling of an address is shorter than `1.1.1.1`.
const SHORTEST: usize = 7;

/// All forms of some addresses, to be looked for in one go.
pub struct Forms {
    words: BTreeMap<String, IpAddr>,
    /// By their first bytes.
    runs: Vec<Vec<(Vec<u8>, IpAddr)>>,
}

impl Forms {
    pub fn of(addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let mut forms = Self { words: BTreeMap::new(), runs: vec![Vec::new(); 256] };
        for address in addresses {
            forms.words.extend(spellings(address).into_iter().map(|s| (s, address)));
            for run in runs(address) {
                forms.runs[usize::from(run[0])].push((run, address));
            }
        }
        forms
    }

    /// The first of the addresses that stands in some bytes.
    pub fn found_in(&self, bytes: &[u8]) -> Option<IpAddr> {
        self.word_in(bytes).or_else(|| self.run_in(bytes))
    }

    /// An address that stands there as a word of its own: `1.2.3.4` is not in `11.2.3.45`, and is
    /// in `1.2.3.4:443` and `4.3.2.1.in-addr.arpa`.
    fn word_in(&self, bytes: &[u8]) -> Option<IpAddr> {
        let outside = |b: &u8| !(b.is_ascii_hexdigit() || b"._:".contains(b));
        let mut words = bytes.split(outside).filter(|w| w.len() >= SHORTEST);
        words.find_map(|word| {
            let word = str::from_utf8(word).unwrap().to_ascii_lowercase();
            let host = word.rsplit_once(':').map_or(word.as_str(), |(host, _)| host);
            let all = [word.as_str(), word.trim_matches('.'), host];
            all.iter().find_map(|w| self.words.get(*w).copied())
        })
    }

    fn run_in(&self, bytes: &[u8]) -> Option<IpAddr> {
        let starting = |at: usize| {
            let mut runs = self.runs[usize::from(bytes[at])].iter();
            runs.find(|(run, _)| bytes[at..].starts_with(run)).map(|(_, address)| *address)
        };
        (0..bytes.len()).find_map(starting)
    }
}

/// All that a client or a watcher sees of an object: its name, the envelope, and whatever is
/// wrapped in it.
///
/// What the envelope holds in base 64 is looked at as the bytes that it stands for, and not as
/// text: four bytes of an address are six of its symbols, which stand somewhere in ten thousand
/// fleets' envelopes by chance. A signature is as good as random, so it is not searched at all:
/// that it follows from the payload and the key alone is a test of its own.
pub fn visible(name: &str, bytes: &[u8]) -> [Vec<u8>; 4] {
    let payload = Envelope::from_bytes(bytes).unwrap().payload;
    let table = Catalog::from_bytes(&payload).unwrap().table();
    [name.as_bytes().to_vec(), frame(bytes), payload, table.into_bytes()]
}

/// An envelope without what it holds in base 64.
fn frame(bytes: &[u8]) -> Vec<u8> {
    let mut envelope: Value = serde_json::from_slice(bytes).unwrap();
    envelope["payload"] = Value::Null;
    for signature in envelope["signatures"].as_array_mut().unwrap() {
        signature["sig"] = Value::Null;
    }
    serde_json::to_vec(&envelope).unwrap()
}

#[test]
fn the_search_finds_every_form_of_an_address() {
    for address in ["198.51.100.7", "2001:db8::7"].map(|a| a.parse::<IpAddr>().unwrap()) {
        let forms = Forms::of([address]);
        let text = spellings(address).into_iter().flat_map(|s| {
            [format!("\"{s}\""), s.to_uppercase(), format!("{s}:443"), format!("srv.{s}.ip6.arpa")]
        });
        let padded = STANDARD.encode(&runs(address)[0]);
        let text = text.chain([padded]).map(String::into_bytes);
        for form in text.chain(runs(address)) {
            let planted = [b"{".as_slice(), &form, b"}"].concat();
            assert_eq!(forms.found_in(&planted), Some(address), "{form:?}");
        }
    }
}

#[test]
fn the_search_finds_no_part_of_another_address() {
    let forms = Forms::of(["198.51.100.7", "2001:db8::7"].map(|a| a.parse().unwrap()));
    for other in ["198.51.100.77, 98.51.100.7", "2001:db8::77 1:db8::7", "c6336407a"] {
        assert_eq!(forms.found_in(other.as_bytes()), None, "{other}");
    }
}
