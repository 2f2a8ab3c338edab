//! Spreads buckets over front doors by keyed weighted rendezvous. Pure.
//!
//! A bucket is a group of clients that is told of the same few front doors. Which doors those are
//! follows from a secret key, so that a censor who holds one bucket's doors can't tell another's.
//!
//! # How
//!
//! Each bucket ranks all doors by a keyed random number and takes the first ones: highest random
//! weight, also called rendezvous hashing (Thaler and Ravishankar, "Using name-based mappings to
//! increase hit rates", IEEE/ACM ToN 6(1), 1998). A door of weight `w` with the random number `u`
//! in (0, 1) has the score `-w / ln(u)`, so it wins in proportion to `w` (Schindelhauer and
//! Schomaker, "Weighted distributed hash tables", SPAA 2005).
//!
//! # Guarantees
//!
//! - The same key, bucket and set of doors give the same answer on every machine, in any order of
//!   input: the arithmetic uses only what IEEE 754 defines exactly.
//! - With two doors or more, they stand at two providers and in two autonomous systems whenever
//!   the candidates do; and in as many prefixes as the ranking finds.
//! - A door that comes or goes changes nothing for the buckets that don't hold it. A bucket that
//!   loses a door takes one in its place, and at most one more of its doors moves, to repair
//!   diversity.
//!
//! # Why the result can't be predicted without the key
//!
//! HMAC-SHA-256 over the population and the bucket gives each bucket a subkey of its own, which is
//! as good as random to whoever lacks the key. SipHash-2-4 under that subkey, over the door's id,
//! gives the random number; it was designed as a pseudo-random function for short inputs (Aumasson
//! and Bernstein, INDOCRYPT 2012). So a ranking tells nothing of another bucket's. Two steps,
//! because one HMAC for each pair of 65,536 buckets and 30,000 doors would take a quarter of an
//! hour of one core, and this takes about a minute.

//!
//! # Where clients belong, and what happens to those that tell
//!
//! A client's bucket follows from its number and the key ([`path_of`]), and so do the halves that
//! the bucket can be split into. When doors are blocked, [`Splitting`] judges who may have given
//! them away, and splits until an insider is alone; [`Deal`] gives suspects doors of their own.
//! [`Learned`] counts how many clients know of a door; [`weight`] tells fewer of a full one.
//! [`trust`] says how far a client is trusted and how fast new ones come in.

mod bucket;
mod choose;
mod clients;
mod deal;
mod key;
mod learned;
mod load;
mod rank;
mod siphash;
mod splits;
mod suspicion;
mod sweep;
pub mod trust;

pub use bucket::{Bucket, MAX_DEPTH, NoBucket};
pub use choose::{BucketRef, Candidate, Doors, doors_for_bucket};
pub use clients::{Census, Path, Paths, path_of};
pub use deal::{Deal, Table};
pub use key::{AssignKey, keyed_hash};
pub use learned::Learned;
pub use load::{FULL_WEIGHT, weight};
pub use splits::Splits;
pub use suspicion::{Evidence, Splitting, Standing, Suspicion, Turn};
pub use sweep::{Sweep, Watched, sweeps};
