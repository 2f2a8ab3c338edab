//! A client's catalog in the formats that other apps read. Pure.
//!
//! There is one record of what a client is told: the signed [`Catalog`]. Here it is put together
//! with what the client proves itself with, and written for sing-box, mihomo, Outline, Shadowsocks
//! (SIP008), any app that reads lists of links, and WireGuard; or handed on as it is.
//!
//! # What apps are told, and what they aren't
//!
//! A document names each door by what it speaks and its place in the catalog, `Shadowsocks 1`, and
//! never by an id of ours. So a door that takes another's place takes its name too: the apps change
//! an address in place, and what a user had chosen stays chosen. Selecting groups leave standing
//! connections alone (`interrupt_exist_connections: false`), so that a drain is one.
//!
//! No app but ours checks signatures: whoever renders a catalog verifies it before. Addresses alone
//! are written, no names of hosts: nothing has to be resolved before the first connection.
//!
//! # Guarantees
//!
//! - The same catalog, client, settings and choice give the same bytes.
//! - Nothing of an expired catalog, or of one that does not hold yet, is ever written.
//! - Every value is parsed before it is written; what does not parse leaves its door out, so
//!   nothing that a catalog holds can begin another line or field.
//! - Only the one client's own secrets are in it.
//!
//! # Example
//!
//! ```
//! use damm_catalog::{Catalog, Front, SCHEMA};
//! use damm_fleet::{FrontdoorId, RegionName, Span, Timestamp};
//! use damm_formats::{Identity, Settings, Subscription, Wanted};
//! use damm_protocol::{ClientSecret, CredentialId, Secret32};
//!
//! let now = Timestamp::from_millis(1_795_000_000_000);
//! let server_key = Secret32::new([1; 32]).expose();
//! let params = [("server_key", server_key), ("method", "2022-blake3-aes-256-gcm".to_owned())];
//! let catalog = Catalog {
//!     schema: SCHEMA,
//!     fleet: "example".to_owned(),
//!     region: RegionName::new("eu-north")?,
//!     audience: "mfrggzdfmztwq2lknnwg23tpobyxe43u".parse()?,
//!     version: 1,
//!     not_before: now,
//!     expires: now + Span::from_hours(6),
//!     fronts: vec![Front {
//!         id: FrontdoorId::from_raw(7),
//!         address: "203.0.113.7".parse()?,
//!         port: 443,
//!         transport: "shadowsocks".to_owned(),
//!         params: params.map(|(name, value)| (name.to_owned(), value)).into(),
//!     }],
//! };
//! let client = ClientSecret::new(Secret32::new([5; 32]));
//! let identity = Identity::of_client(&client, CredentialId::new(0).unwrap());
//!
//! let wanted = Wanted::new("format=sip008", None)?;
//! let settings = Settings::default();
//! let subscription =
//!     Subscription { catalog: &catalog, signed: b"", identity: &identity, settings: &settings };
//! let document = subscription.render(wanted, now)?;
//! assert_eq!(document.media_type, "application/json; charset=utf-8");
//! assert!(document.text().contains("203.0.113.7"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Catalog`]: damm_catalog::Catalog

mod document;
mod door;
mod error;
mod format;
mod headers;
mod identity;
mod links;
mod mihomo;
mod outline;
mod settings;
mod shown;
mod sing_box;
mod sip008;
mod subscription;
mod tree;
mod wanted;
mod wireguard;

pub use document::Document;
pub use door::{Door, Shadowsocks, Trojan, Way, Wireguard, doors};
pub use error::Error;
pub use format::{Format, UnknownFormat};
pub use identity::Identity;
pub use settings::Settings;
pub use subscription::Subscription;
pub use wanted::{UnknownWish, Wanted};
