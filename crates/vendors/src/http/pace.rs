//! How fast an account may be called, as the vendor's own answers tell.

use std::time::{Duration, UNIX_EPOCH};

use damm_fleet::{Span, Timestamp};

use super::ask::Reply;

/// The longest that an account is left alone because of one answer: a vendor's clock may be wrong.
const LONGEST: Span = Span::from_hours(1);

/// The header fields that tell what is left of a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Calls that the window holds.
    pub limit: &'static str,
    /// Calls that are left in it.
    pub remaining: &'static str,
    /// When more are there, in seconds since 1970.
    pub reset: &'static str,
    /// What `reset` tells.
    pub at_reset: Reset,
}

/// What the moment of a reset means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reset {
    /// The next call is there.
    Next,
    /// The window is full again; calls come back one by one until then.
    Full,
}

/// Until when a reply asks for the account to be left alone; none when it does not.
pub fn pause(reply: &Reply, pace: Option<&Pace>, now: Timestamp) -> Option<Timestamp> {
    let asked = retry_after(reply, now).filter(|_| matches!(reply.status, 413 | 429 | 503));
    let until = asked.or_else(|| pace.and_then(|p| used_up(reply, p, now)))?;
    (until > now).then(|| until.min(now + LONGEST))
}

/// `Retry-After` in either of its forms (RFC 9110, section 10.2.3).
pub fn retry_after(reply: &Reply, now: Timestamp) -> Option<Timestamp> {
    let text = reply.header("retry-after")?.trim();
    match text.parse::<u32>() {
        Ok(seconds) => Some(now + Span::from_secs(u64::from(seconds))),
        Err(_) => moment(httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?),
    }
}

fn moment(since_1970: Duration) -> Option<Timestamp> {
    i64::try_from(since_1970.as_millis()).ok().map(Timestamp::from_millis)
}

/// When the next call is there, if none is left now.
fn used_up(reply: &Reply, pace: &Pace, now: Timestamp) -> Option<Timestamp> {
    let number = |name: &str| reply.header(name)?.trim().parse::<f64>().ok();
    let remaining = number(pace.remaining)?;
    if remaining >= 1.0 {
        return None;
    }
    let reset = moment(Duration::try_from_secs_f64(number(pace.reset)?).ok()?)?;
    let left = reset.since(now);
    Some(match pace.at_reset {
        Reset::Next => reset,
        Reset::Full => now + left.scale(1.0 / number(pace.limit).unwrap_or(1.0).max(1.0)),
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

    use super::*;

    const PACE: Pace =
        Pace { limit: "limit", remaining: "remaining", reset: "reset", at_reset: Reset::Full };

    fn reply(status: u16, fields: &[(&'static str, &'static str)]) -> Reply {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        Reply { status, headers, body: Bytes::new() }
    }

    fn waits(reply: &Reply, pace: &Pace) -> Option<Span> {
        let now = Timestamp::from_millis(784_111_770_000);
        pause(reply, Some(pace), now).map(|until| until.since(now))
    }

    #[test]
    fn a_vendor_that_says_when_to_come_back_is_left_alone_until_then() {
        let seconds = reply(429, &[("retry-after", "17")]);
        assert_eq!(waits(&seconds, &PACE), Some(Span::from_secs(17)));
        let date = reply(503, &[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")]);
        assert_eq!(waits(&date, &PACE), Some(Span::from_secs(7)));
        let past = reply(429, &[("retry-after", "Sun, 06 Nov 1994 08:49:00 GMT")]);
        assert_eq!(waits(&past, &PACE), None);
        let mad = reply(429, &[("retry-after", "4000000000")]);
        assert_eq!(waits(&mad, &PACE), Some(LONGEST));
        assert_eq!(waits(&reply(429, &[("retry-after", "soon")]), &PACE), None);
    }

    #[test]
    fn an_account_whose_calls_are_used_up_is_left_alone_until_the_next_is_there() {
        let fields = [("limit", "3600"), ("remaining", "0"), ("reset", "784115370")];
        assert_eq!(waits(&reply(200, &fields), &PACE), Some(Span::from_secs(1)));
        let next = Pace { at_reset: Reset::Next, ..PACE };
        assert_eq!(waits(&reply(200, &fields), &next), Some(Span::from_hours(1)));
        let some = [("limit", "3600"), ("remaining", "1"), ("reset", "784115370")];
        assert_eq!(waits(&reply(200, &some), &PACE), None);
        assert_eq!(waits(&reply(200, &[("remaining", "0")]), &PACE), None);
    }
}
