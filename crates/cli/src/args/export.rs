//! `damm catalog export`

use std::path::PathBuf;

use clap::Args;

/// What `damm catalog export --help` shows at its end.
pub(super) const AFTER: &str = "\
Formats:
  damm       the signed catalog as it is
  sing-box   a whole profile for sing-box 1.12 or newer
  mihomo     a whole config for mihomo (Clash.Meta)
  outline    what an Outline key, ssconf://, leads to
  sip008     Shadowsocks' online config
  links      share links in base64, as most apps subscribe to
  wireguard  the config of one WireGuard tunnel

What is printed holds the client's secrets. A catalog that has expired, or that the root's keys \
did not sign, is refused (exit code 3).

Examples:
  damm catalog export published/3f9a… --root keys/root.json --credential 17.json --format sing-box
  damm credentials new | damm catalog export published/3f9a… --root keys/root.json \\
    --credential - --format wireguard --door 2 > proxy.conf";

/// `damm catalog export`
#[derive(Debug, Args)]
pub struct CatalogExport {
    /// The catalog file
    pub file: PathBuf,
    /// The root that clients know
    #[arg(long, value_name = "FILE")]
    pub root: PathBuf,
    /// The client's credential, as `damm credentials new` printed it; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub credential: PathBuf,
    /// The format: damm, sing-box, mihomo, outline, sip008, links or wireguard
    #[arg(long, value_name = "FORMAT")]
    pub format: damm_formats::Format,
    /// For formats that hold one door only, which: 1 is the one to try first
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    pub door: u16,
    /// What apps call the subscription [default: the fleet's name]
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// Seal what is printed for a key of age's, `age1…`, so that it may lie where all can fetch it
    #[arg(long, value_name = "RECIPIENT")]
    pub age: Option<damm_age::Recipient>,
    /// The moment to check at [default: now]
    #[arg(long, value_name = "TIME")]
    pub at: Option<damm_fleet::Timestamp>,
}
