//! Which format is wanted: by `?format=`, else by the app that asks.

use percent_encoding::percent_decode_str;

use crate::format::{Format, UnknownFormat};

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The format.
    pub format: Format,
    /// For formats that hold one door only, which of those that they can hold: 1 is the one to try
    /// first.
    pub door: u16,
}

/// Why a query can't be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownWish {
    /// No format of ours.
    #[error(transparent)]
    Format(#[from] UnknownFormat),
    /// No number of a door.
    #[error("`door` is a number from 1 to 65535: 1 is the one to try first")]
    Door,
}

/// Words in an app's `User-Agent`, in lower case, with the format that it reads. The first that is
/// found counts: apps name engines that they are like, and the most telling word goes first.
const APPS: &[(&str, Format)] = &[
    ("damm/", Format::Damm),
    // Shows itself as `… sing-box 1.12.0 …`, on all systems; Hiddify names it last of several.
    ("sing-box", Format::SingBox),
    ("singbox", Format::SingBox),
    ("hiddify", Format::SingBox),
    // Clash Verge, ClashMetaForAndroid, FlClash, …
    ("clash", Format::Mihomo),
    ("mihomo", Format::Mihomo),
    ("stash", Format::Mihomo),
    ("outline", Format::Outline),
    ("shadowsocks-", Format::Sip008),
];

impl Wanted {
    /// A format, with the door to try first.
    pub const fn first(format: Format) -> Self {
        Self { format, door: 1 }
    }

    /// From a request's query, which may be empty, and its `User-Agent`.
    ///
    /// An app that does not say what it is gets the signed catalog, since ours alone can tell that
    /// it came unchanged; one that is not known gets links, which nearly all can read.
    ///
    /// # Errors
    ///
    /// When the query names a format or a door that there isn't.
    pub fn new(query: &str, user_agent: Option<&str>) -> Result<Self, UnknownWish> {
        let format = match value(query, "format") {
            Some(name) => name.parse()?,
            None => user_agent.map_or(Format::Damm, of_app),
        };
        let door = match value(query, "door") {
            Some(number) => number.parse().ok().filter(|n| *n > 0).ok_or(UnknownWish::Door)?,
            None => 1,
        };
        Ok(Self { format, door })
    }
}

fn of_app(user_agent: &str) -> Format {
    let user_agent = user_agent.to_ascii_lowercase();
    let known = APPS.iter().find(|(word, _)| user_agent.contains(word));
    known.map_or(Format::Links, |(_, format)| *format)
}

/// The first value that a query has for a name.
fn value(query: &str, name: &str) -> Option<String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let mut values = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value);
    values.next().map(|value| percent_decode_str(value).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(query: &str, app: Option<&str>) -> Format {
        Wanted::new(query, app).unwrap().format
    }

    #[test]
    fn apps_get_what_they_read() {
        let apps = [
            ("SFA/1.12.4 (Build 545; sing-box 1.12.4; language en_US)", Format::SingBox),
            ("sing-box 1.14.4", Format::SingBox),
            ("HiddifyNext/2.5.7 (android) like ClashMeta v2ray sing-box", Format::SingBox),
            ("ClashMetaForAndroid/2.11.9.Meta", Format::Mihomo),
            ("clash-verge/v2.2.3", Format::Mihomo),
            ("FlClash/v0.8.80 clash-verge Platform/android", Format::Mihomo),
            ("mihomo/1.19.32", Format::Mihomo),
            ("clash.meta/1.18.0", Format::Mihomo),
            ("NekoBox/Android/1.3.8 (Prefer ClashMeta Format)", Format::Mihomo),
            ("Stash/2.7.1 Clash/1.9.0", Format::Mihomo),
            ("shadowsocks-rust/1.24.0", Format::Sip008),
            ("v2rayNG/1.9.16", Format::Links),
            ("v2rayN/7.17.1", Format::Links),
            ("Shadowrocket/2070 CFNetwork/1492.0.1 Darwin/23.3.0", Format::Links),
            ("Happ/3.0.0", Format::Links),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                Format::Links,
            ),
            ("", Format::Links),
            ("damm/0.1.0", Format::Damm),
        ];
        for (app, format) in apps {
            assert_eq!(chosen("", Some(app)), format, "{app}");
        }
        assert_eq!(chosen("", None), Format::Damm);
    }

    #[test]
    fn what_the_query_says_goes_before_what_the_app_is() {
        let app = Some("sing-box 1.14.4");
        assert_eq!(chosen("format=outline", app), Format::Outline);
        assert_eq!(chosen("a=b&format=sing%2Dbox&format=damm", None), Format::SingBox);
        assert_eq!(chosen("formats=damm", app), Format::SingBox);
        assert_eq!(chosen("format", app), Format::SingBox);
        let unknown = Wanted::new("format=pac", app);
        assert_eq!(unknown, Err(UnknownWish::Format(UnknownFormat)));
    }

    #[test]
    fn a_door_is_chosen_by_its_number() {
        let door = |query| Wanted::new(query, None).map(|w| w.door);
        assert_eq!(door("format=wireguard"), Ok(1));
        assert_eq!(door("format=wireguard&door=3"), Ok(3));
        for bad in ["door=0", "door=", "door=-1", "door=65536", "door=1;x"] {
            assert_eq!(door(bad), Err(UnknownWish::Door), "{bad}");
        }
    }
}
