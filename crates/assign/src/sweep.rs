//! Blocks that no insider made: of a provider, a network, a prefix, a transport, or of everything.

use std::collections::BTreeMap;
use std::fmt;

use damm_fleet::{Asn, FrontdoorId, ProviderName, Span, Timestamp};
use ipnet::IpNet;

/// Blocks that begin within this time of each other may have one cause. Lists of addresses reach a
/// country's networks over hours, not at once (Fifield and Tsai, FOCI 2016, tables 2 and 3).
const WINDOW: Span = Span::from_hours(6);

/// Fewer than this are chance: two doors of one bucket may well stand at one provider.
const LEAST: usize = 3;

/// A front door of a population, with what it has in common with others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// The door.
    pub door: FrontdoorId,
    /// The account that it stands at.
    pub provider: ProviderName,
    /// The autonomous system that its address is announced from; AS0 where it is not known.
    pub asn: Asn,
    /// The prefix of its address, as [`damm_fleet::prefix_of`] cuts it.
    pub prefix: IpNet,
    /// How clients connect to it.
    pub transport: String,
    /// When it was made. What is made after a block, to replace what is blocked, says nothing of
    /// it.
    pub made: Timestamp,
    /// Since when it is blocked for the population, if it is.
    pub blocked: Option<Timestamp>,
}

/// What blocked doors have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sweep {
    /// They are most of the population's.
    Everything,
    /// The provider.
    Provider(ProviderName),
    /// The network that they stand in.
    Asn(Asn),
    /// The prefix.
    Prefix(IpNet),
    /// The transport.
    Transport(String),
}

impl fmt::Display for Sweep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => write!(f, "most doors of the population"),
            Self::Provider(name) => write!(f, "most doors at {name}"),
            Self::Asn(asn) => write!(f, "most doors in {asn}"),
            Self::Prefix(prefix) => write!(f, "most doors in {prefix}"),
            Self::Transport(kind) => write!(f, "most doors that speak {kind}"),
        }
    }
}

impl Watched {
    fn shares(&self) -> impl Iterator<Item = Sweep> {
        // AS0 is nobody's (RFC 7607): doors of which nothing is known have nothing in common.
        let asn = (self.asn != Asn(0)).then_some(Sweep::Asn(self.asn));
        let places = [Sweep::Provider(self.provider.clone()), Sweep::Prefix(self.prefix)];
        let how = Sweep::Transport(self.transport.clone());
        [Sweep::Everything, how].into_iter().chain(places).chain(asn)
    }
}

/// Doors that have something in common.
#[derive(Default)]
struct Kind {
    /// When each was made.
    made: Vec<Timestamp>,
    /// Those that are blocked, and since when.
    blocked: Vec<(Timestamp, FrontdoorId)>,
}

/// The blocked doors that went together with most of their kind, and what that kind is: three and
/// more than half of those that have something in common, within six hours.
///
/// What one insider knows is a few doors, at two providers and in two networks at least, so a block
/// of this shape accuses nobody.
pub fn sweeps(watched: &[Watched]) -> BTreeMap<FrontdoorId, Sweep> {
    let mut kinds: BTreeMap<Sweep, Kind> = BTreeMap::new();
    for one in watched {
        for kind in one.shares() {
            let kind = kinds.entry(kind).or_default();
            kind.made.push(one.made);
            kind.blocked.extend(one.blocked.map(|since| (since, one.door)));
        }
    }
    let mut swept = BTreeMap::new();
    for (kind, Kind { made, mut blocked }) in kinds {
        blocked.sort_unstable();
        for (since, door) in &blocked {
            let with = |(at, _): &&(Timestamp, FrontdoorId)| apart(*at, *since) <= WINDOW;
            let together = blocked.iter().filter(with).count();
            let of = made.iter().filter(|at| *at <= since).count();
            if together >= LEAST && 2 * together > of {
                swept.entry(*door).or_insert_with(|| kind.clone());
            }
        }
    }
    swept
}

fn apart(a: Timestamp, b: Timestamp) -> Span {
    a.max(b).since(a.min(b))
}
