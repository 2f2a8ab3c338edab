//! Moments as a reader takes them: how long ago, how long from now.

use damm_fleet::{Span, Timestamp};

/// A span without the parts that don't matter at its size: `3d`, `5h12m`, `40s`.
pub fn short(span: Span) -> String {
    let ms = span.as_millis();
    let whole = match ms {
        0..60_000 => ms / 1_000 * 1_000,
        60_000..36_000_000 => ms / 60_000 * 60_000,
        36_000_000..864_000_000 => ms / 3_600_000 * 3_600_000,
        _ => ms / 86_400_000 * 86_400_000,
    };
    Span::from_millis(whole).to_string()
}

/// `in 5h`, `5h ago`, or `now`.
pub fn relative(at: Timestamp, now: Timestamp) -> String {
    match (short(at.since(now)), short(now.since(at))) {
        (ahead, _) if ahead != "0s" => format!("in {ahead}"),
        (_, behind) if behind != "0s" => format!("{behind} ago"),
        _ => "now".to_owned(),
    }
}

/// The moment to the minute, in UTC: `2026-01-31 12:00`.
pub fn minute(at: Timestamp) -> String {
    let text = at.to_string();
    match (text.get(..10), text.get(11..16)) {
        (Some(day), Some(time)) => format!("{day} {time}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_told_from_now() {
        let now = Timestamp::from_millis(1_795_000_000_000);
        assert_eq!(relative(now + Span::from_mins(312), now), "in 5h12m");
        assert_eq!(relative(now - Span::from_hours(75), now), "3d3h ago");
        assert_eq!(relative(now, now), "now");
        assert_eq!(minute(now), "2026-11-18 11:06");
    }
}
