//! Signatures of requests, verified as the vendor's documentation of Signature Version 4 says:
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>.

use std::fmt::Write as _;

use damm_fleet::{Span, Timestamp};
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

use crate::asked::Asked;

/// All but RFC 3986's unreserved symbols.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A request may be signed this long ago, or ahead.
const SKEW: Span = Span::from_mins(15);

/// A key of the account.
#[derive(Debug, Clone)]
pub struct Key {
    /// Its public part.
    pub id: String,
    /// Its secret part.
    pub secret: String,
    /// The token that has to come with it, where it is a temporary one.
    pub session: Option<String>,
}

/// Why a request is refused: a status and a code.
pub type Refusal = (u16, &'static str);

/// Verifies a request that has to be signed for a service and, where it is given, a region.
pub fn verify(
    asked: &Asked,
    key: &Key,
    service: &str,
    region: &str,
    now: Timestamp,
) -> Result<(), Refusal> {
    let shown = asked.header("authorization").ok_or((403, "MissingAuthenticationToken"))?;
    let fields = shown.strip_prefix("AWS4-HMAC-SHA256 ").ok_or((403, "IncompleteSignature"))?;
    let field = |name: &str| {
        let mut all = fields.split(',').filter_map(|f| f.trim().split_once('='));
        all.find(|(n, _)| *n == name).map(|(_, v)| v).ok_or((403, "IncompleteSignature"))
    };
    let credential: Vec<_> = field("Credential")?.split('/').collect();
    let [id, date, at, of, "aws4_request"] = credential[..] else {
        return Err((403, "IncompleteSignature"));
    };
    if id != key.id || key.session.as_deref() != asked.header("x-amz-security-token") {
        return Err((403, "InvalidClientTokenId"));
    }
    if (at, of) != (region, service) {
        return Err((403, "SignatureDoesNotMatch"));
    }
    let moment = asked.header("x-amz-date").ok_or((403, "MissingAuthenticationToken"))?;
    in_time(moment, date, now)?;
    let names = field("SignedHeaders")?;
    let needed = ["host", "x-amz-date"];
    if !needed.iter().all(|n| names.split(';').any(|name| name == *n)) {
        return Err((403, "SignatureDoesNotMatch"));
    }
    let scope = format!("{date}/{at}/{of}/aws4_request");
    let digest = hex(&Sha256::digest(canonical(asked, names)));
    let text = format!("AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}");
    let first = format!("AWS4{}", key.secret).into_bytes();
    let signing =
        [date, at, of, "aws4_request"].iter().fold(first, |key, part| mac(&key, part.as_bytes()));
    match hex(&mac(&signing, text.as_bytes())) == field("Signature")? {
        true => Ok(()),
        false => Err((403, "SignatureDoesNotMatch")),
    }
}

/// The moment is written as in `20261122T163002Z`, and the day is its beginning.
fn in_time(moment: &str, date: &str, now: Timestamp) -> Result<(), Refusal> {
    let digits: String = moment.chars().filter(char::is_ascii_digit).collect();
    let shown: String = now.to_string().chars().take(19).filter(char::is_ascii_digit).collect();
    let seconds = |text: &str| {
        let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<u64>().ok();
        Some(number(8..10)? * 3600 + number(10..12)? * 60 + number(12..14)?)
    };
    let (Some(then), Some(at)) = (seconds(&digits), seconds(&shown)) else {
        return Err((403, "IncompleteSignature"));
    };
    let day = 24 * 3600;
    let apart = (then + day - at) % day;
    let apart = apart.min(day - apart);
    match digits.starts_with(date) && Span::from_secs(apart) <= SKEW {
        true => Ok(()),
        false => Err((403, "RequestExpired")),
    }
}

fn canonical(asked: &Asked, names: &str) -> String {
    // All services but S3 encode the path's segments, as they are sent, once more.
    let path: Vec<_> = asked.path.split('/').map(encoded).collect();
    let mut query: Vec<_> =
        asked.query.iter().map(|(n, v)| format!("{}={}", encoded(n), encoded(v))).collect();
    query.sort();
    let headers = names.split(';').fold(String::new(), |mut text, name| {
        let value = asked.header(name).unwrap_or_default();
        let words: Vec<_> = value.split_whitespace().collect();
        // Writing to a text can't fail.
        let _ = writeln!(text, "{name}:{}", words.join(" "));
        text
    });
    let body = hex(&Sha256::digest(&asked.body));
    let (method, path, query) = (&asked.method, path.join("/"), query.join("&"));
    format!("{method}\n{path}\n{query}\n{headers}\n{names}\n{body}")
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(key) else {
        unreachable!("HMAC takes keys of any length");
    };
    mac.chain_update(text).finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
