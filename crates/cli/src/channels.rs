//! What stands in each channel, and which of them lag behind.

use std::collections::BTreeMap;

use damm_fleet::{RegionName, Topology};
use damm_store::{Lag, Store};
use serde::Serialize;

use crate::exit::Result;
use crate::render::{Line, Style};

/// What a channel holds of a region.
#[derive(Debug, Clone, Serialize)]
pub struct Held {
    /// The channel.
    pub channel: String,
    /// The region.
    pub region: RegionName,
    /// Catalogs that stand there.
    pub catalogs: u64,
    /// Why it is not up to date, where it is not.
    pub lag: Option<Lag>,
}

/// What all channels hold, or should.
///
/// # Errors
///
/// When the state can't be read.
pub async fn all(store: &Store) -> Result<Vec<Held>> {
    let (held, lags) = (store.held().await?, store.lags().await?);
    let mut both: BTreeMap<_, _> = held.into_iter().map(|(at, n)| (at, (n, None))).collect();
    for (at, lag) in lags {
        both.entry(at).or_default().1 = Some(lag);
    }
    let held = |((channel, region), (catalogs, lag))| Held { channel, region, catalogs, lag };
    Ok(both.into_iter().map(held).collect())
}

/// Those of a region.
pub fn of(all: &[Held], region: &RegionName) -> Vec<Held> {
    all.iter().filter(|held| held.region == *region).cloned().collect()
}

/// Those that the topology names still.
pub fn described(mut all: Vec<Held>, topology: &Topology) -> Vec<Held> {
    all.retain(|held| topology.catalog.channels.iter().any(|c| c.state() == held.channel));
    all
}

/// How many there are, or what is wrong with the first that lags behind.
pub fn summary(channels: &[Held]) -> Line {
    let behind: Vec<_> = channels.iter().filter_map(|c| Some((c, c.lag.as_ref()?))).collect();
    match behind[..] {
        [] => Line::of(Style::Good, channels.len().to_string()),
        [(one, lag), ..] => {
            let (late, all) = (behind.len(), channels.len());
            let text = format!("{late} of {all} behind: {}: {}", one.channel, lag.why);
            Line::of(Style::Warn, text)
        }
    }
}
