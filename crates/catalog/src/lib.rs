//! Catalogs that clients are told: canonical bytes, keys, envelopes, verification. Pure.
//!
//! A [`Catalog`] is what one bucket of clients is told of in one region. [`Told`] makes it from a
//! blueprint; [`Catalog::seal`] signs it; a client's [`Verifier`] takes it or gives a [`Refusal`].
//!
//! # What a catalog says, and what it leaves out
//!
//! Fleet, region, version, two moments, and for each front door what a client needs to connect:
//! a stable opaque id, address, port, transport. It names no provider, no network and no node, so
//! that two doors on one server are not linked by it, and never an egress address. The population
//! and the bucket stand in it only as an opaque [`Audience`], so that a found catalog does not tell
//! whom it was for, and a client still sees when it is handed another bucket's. Its bytes are
//! filled up to a size class, so that its length under encryption tells little.
//!
//! # Why there is no list of catalogs
//!
//! The Update Framework (TUF, <https://theupdateframework.github.io/specification/latest/>), whose
//! roots and rotation this follows, signs a public list of all that is published, so that mirrors
//! can't mix and match. Here such a list would hand a censor the name of every catalog, and through
//! them every front door. Instead each catalog stands for itself: its audience stops one from being
//! passed off as another, its version stops rollback, its expiry stops freezing, and its object's
//! name can't be guessed ([`ChannelSecret`]).
//!
//! # Guarantees
//!
//! - The same blueprint, addresses, key and edition give the same bytes, signed or not.
//! - No egress address is ever in them, and no change of egress changes them.
//! - Any change of a signed byte is refused, and so is any catalog that is older than the one last
//!   seen, expired, not yet valid, or meant for others.
//! - Verification never panics, whatever the bytes.
//!
//! # Assumptions
//!
//! The caller draws all secrets from the operating system, keeps the root keys offline, and keeps
//! what a client has last [`Seen`].
//!
//! # Example
//!
//! ```
//! use damm_catalog::{Catalog, Expected, Front, Refusal, Root, SCHEMA, SecretKey, Verifier};
//! use damm_fleet::{FrontdoorId, RegionName, Span, Timestamp};
//!
//! // Once, offline: a root that says which key signs catalogs. Real keys are drawn at random.
//! let (offline, online) = (SecretKey::new(&[1; 32]), SecretKey::new(&[2; 32]));
//! let now = Timestamp::from_millis(1_795_000_000_000);
//! let year = now + Span::from_days(365);
//! let root = Root::new("example", 1, year, (&[offline.public()], 1), (&[online.public()], 1))?;
//! let root = root.seal(&[&offline]).to_bytes();
//!
//! // At each publication. `Told` makes catalogs from a blueprint; this one is made by hand.
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
//!         params: Default::default(),
//!     }],
//! };
//! let published = catalog.seal(&[&online]).to_bytes();
//!
//! // At the client, which came with the root.
//! let verifier = Verifier::trust(&root, Expected::fleet("example"))?;
//! let taken = verifier.verify(&published, now, None)?;
//! assert_eq!(taken, catalog);
//!
//! // The same bytes, held back for a day.
//! let late = verifier.verify(&published, now + Span::from_days(1), Some(&taken.seen()));
//! assert!(matches!(late, Err(Refusal::Expired { .. })));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod audience;
mod build;
mod canon;
mod contents;
mod envelope;
mod error;
mod key;
mod root;
mod secret;
mod subscriber;
mod table;
mod verify;

pub use audience::{Audience, ObjectName, SubscriptionPath};
pub use build::{Edition, Told, audience, build};
pub use contents::{Catalog, Front, MAX_VERSION, SCHEMA};
pub use envelope::{Envelope, MAX_ENVELOPE, Signature, pae};
pub use error::{Error, Refusal};
pub use key::{KeyId, PublicKey, SecretKey};
pub use root::{Role, Roles, Root};
pub use secret::{ChannelSecret, FleetSecret};
pub use subscriber::SubscriberKey;
pub use verify::{Expected, RootChange, SKEW, Seen, Verifier};
