//! The formats, and their names.

use std::fmt;
use std::str::FromStr;

/// A format that a client's catalog can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// damm's own: the signed envelope as it is (DSSE).
    Damm,
    /// A whole profile for sing-box, 1.12 or newer
    /// (<https://sing-box.sagernet.org/configuration/>).
    SingBox,
    /// A whole config for mihomo, which was Clash.Meta (<https://wiki.metacubex.one/en/config/>).
    Mihomo,
    /// What an `ssconf://` key of Outline leads to
    /// (<https://github.com/OutlineFoundation/outline-apps/blob/master/client/config.md>).
    Outline,
    /// Shadowsocks' online config (<https://shadowsocks.org/doc/sip008.html>).
    Sip008,
    /// Share links, one a line, in base64: what most apps call a subscription.
    Links,
    /// The config of one WireGuard tunnel, for `wg-quick` and the apps.
    Wireguard,
}

/// Each format with its names; the first is what we call it ourselves.
const NAMES: [(Format, &[&str]); 7] = [
    (Format::Damm, &["damm", "signed"]),
    (Format::SingBox, &["sing-box", "singbox"]),
    (Format::Mihomo, &["mihomo", "clash", "clash-meta"]),
    (Format::Outline, &["outline", "ssconf"]),
    (Format::Sip008, &["sip008"]),
    (Format::Links, &["links", "base64", "v2ray"]),
    (Format::Wireguard, &["wireguard", "wg"]),
];

/// Why a text is not the name of a format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no such format: choose damm, sing-box, mihomo, outline, sip008, links or wireguard"
)]
pub struct UnknownFormat;

impl Format {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Damm,
        Self::SingBox,
        Self::Mihomo,
        Self::Outline,
        Self::Sip008,
        Self::Links,
        Self::Wireguard,
    ];

    /// Its name, as `?format=` has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Damm => "damm",
            Self::SingBox => "sing-box",
            Self::Mihomo => "mihomo",
            Self::Outline => "outline",
            Self::Sip008 => "sip008",
            Self::Links => "links",
            Self::Wireguard => "wireguard",
        }
    }

    /// Its media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            // As DSSE names its envelopes.
            Self::Damm => "application/vnd.dsse.envelope.v1+json",
            Self::SingBox | Self::Outline => "application/json",
            // RFC 9512.
            Self::Mihomo => "application/yaml",
            // As SIP008 demands.
            Self::Sip008 => "application/json; charset=utf-8",
            Self::Links | Self::Wireguard => "text/plain; charset=utf-8",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        let known = |(_, names): &&(Self, &[&str])| {
            names.iter().any(|name| name.eq_ignore_ascii_case(text))
        };
        NAMES.iter().find(known).map(|(format, _)| *format).ok_or(UnknownFormat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_found_by_its_name() {
        for format in Format::ALL {
            assert_eq!(format.name().parse(), Ok(format));
            assert_eq!(format.name().to_uppercase().parse(), Ok(format));
            assert!(UnknownFormat.to_string().contains(format.name()), "{format}");
        }
        assert_eq!("".parse::<Format>(), Err(UnknownFormat));
        assert_eq!("clash".parse(), Ok(Format::Mihomo));
    }
}
