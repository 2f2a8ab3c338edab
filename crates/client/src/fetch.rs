//! Fetching: all places at once, and the newest that can be believed wins.

use std::net::SocketAddr;

use damm_age::Identity;
use damm_channels::read::Fetched as Read;
use damm_channels::sealed;
use damm_fleet::{RegionName, Timestamp};
use damm_protocol::Assignment;
use futures::future::join_all;

use crate::error::Error;
use crate::held::Held;
use crate::place::{Memory, Source};
use crate::profile::Profile;

/// So many catalogs of before are kept at most.
const FORMER: usize = 8;

/// Where to look besides what the assignment names.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// Who is asked for names in DNS; without one no zone is read.
    pub resolver: Option<SocketAddr>,
}

/// What came of fetching.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fetched {
    /// The regions whose catalog is a newer one now.
    pub news: Vec<RegionName>,
    /// Places that were asked and gave nothing that can be believed, with why.
    pub failures: Vec<String>,
    /// How many were asked.
    pub asked: usize,
}

/// What a place gave.
enum Gave {
    /// Files, each with the place of its bucket among the client's own.
    Files(Vec<(usize, Vec<u8>)>, Option<String>),
    /// What it gave the last time.
    Same,
    Failed(String),
}

/// Asks all places that don't rest for the catalogs of all of the client's regions, and takes the
/// newest of each that can be believed.
///
/// # Errors
///
/// [`Error::NotEnrolled`]; [`Error::NoCatalog`] when no region has a catalog that holds, neither
/// from now nor from before.
pub async fn fetch(
    profile: &mut Profile,
    places: &Places,
    now: Timestamp,
) -> Result<Fetched, Error> {
    let assignment = profile.assignment()?.clone();
    let mut fetched = Fetched::default();
    let sources = sources(profile, &assignment, places, &mut fetched.failures);
    let up = |s: &Source<'_>| profile.places.get(&s.name).is_none_or(|m| m.is_up(now));
    let (asked, resting): (Vec<_>, Vec<_>) = sources.into_iter().partition(up);
    // Where nothing is held, who rests is asked all the same.
    let holds = assignment.regions.iter().any(|r| holds(profile, r, now));
    let asked = if holds || !asked.is_empty() { asked } else { resting };
    fetched.asked = asked.len();
    let gave = join_all(asked.iter().map(|source| ask(source, profile))).await;
    for (source, gave) in asked.iter().zip(gave) {
        profile.hear(source, gave, &assignment, now, &mut fetched);
    }
    profile.sweep(now);
    match assignment.regions.iter().any(|r| self::holds(profile, r, now)) {
        true => Ok(fetched),
        false => Err(Error::NoCatalog(fetched.failures)),
    }
}

fn holds(profile: &Profile, region: &RegionName, now: Timestamp) -> bool {
    let catalog = profile.held.get(region).and_then(Held::catalog);
    catalog.is_some_and(|c| c.expires > now)
}

fn sources<'a>(
    profile: &Profile,
    assignment: &'a Assignment,
    places: &Places,
    failures: &mut Vec<String>,
) -> Vec<Source<'a>> {
    let mut all = Vec::new();
    for region in &assignment.regions {
        let controllers = profile.controllers.iter();
        let controllers = controllers.map(|url| Source::controller(url, assignment, region));
        let named = assignment.places.iter();
        let named = named.filter_map(|place| Source::place(place, region, places.resolver));
        all.extend(controllers.chain(named));
    }
    let good =
        all.into_iter().filter_map(|source| source.map_err(|e| failures.push(e.to_string())).ok());
    good.collect()
}

/// Asks a place: for the bucket that the client was in last, and for all of its own where that is
/// gone.
async fn ask(source: &Source<'_>, profile: &Profile) -> Gave {
    let mark = profile.places.get(&source.name).and_then(|m| m.mark.as_deref());
    let held = profile.held.get(source.region);
    let leaf = held.map_or(0, |h| h.leaf).min(source.objects.len().saturating_sub(1));
    // A mark is of use only as long as what it stands for is held.
    match one(source, leaf, mark.filter(|_| held.is_some())).await {
        Gave::Files(files, _) if files.is_empty() => all(source, leaf).await,
        gave => gave,
    }
}

async fn one(source: &Source<'_>, leaf: usize, mark: Option<&str>) -> Gave {
    let Some(object) = source.objects.get(leaf) else {
        return Gave::Files(Vec::new(), None);
    };
    match source.reader.fetch(object, mark).await {
        Ok(Read::Nothing) => Gave::Files(Vec::new(), None),
        Ok(Read::Unchanged) => Gave::Same,
        Ok(Read::File { bytes, mark }) => Gave::Files(vec![(leaf, bytes)], mark),
        Err(error) => Gave::Failed(error.to_string()),
    }
}

async fn all(source: &Source<'_>, but: usize) -> Gave {
    let others = (0..source.objects.len()).filter(|leaf| *leaf != but);
    let mut found = Vec::new();
    for gave in join_all(others.map(|leaf| one(source, leaf, None))).await {
        match gave {
            Gave::Files(files, _) => found.extend(files),
            other => return other,
        }
    }
    Gave::Files(found, None)
}

impl Profile {
    fn hear(
        &mut self,
        source: &Source<'_>,
        gave: Gave,
        assignment: &Assignment,
        now: Timestamp,
        fetched: &mut Fetched,
    ) {
        let failure = match gave {
            Gave::Same => None,
            Gave::Failed(why) => Some(why),
            Gave::Files(files, _) if files.is_empty() => {
                Some(format!("{} has no catalog for this client", shown(source)))
            }
            Gave::Files(files, mark) => match self.take(source, &files, assignment, now) {
                Ok(news) => {
                    fetched.news.extend(news.then(|| source.region.clone()));
                    self.memory(source).answered(mark);
                    None
                }
                Err(why) => Some(format!("{}: {why}", shown(source))),
            },
        };
        match failure {
            Some(why) => {
                self.memory(source).failed(now);
                fetched.failures.push(why);
            }
            None => self.memory(source).misses = 0,
        }
    }

    fn memory(&mut self, source: &Source<'_>) -> &mut Memory {
        self.places.entry(source.name.clone()).or_default()
    }

    /// Takes the newest of what a place gave; whether it is news.
    fn take(
        &mut self,
        source: &Source<'_>,
        files: &[(usize, Vec<u8>)],
        assignment: &Assignment,
        now: Timestamp,
    ) -> Result<bool, String> {
        let mut refused = String::new();
        let mut taken = None;
        for (leaf, file) in files {
            let before = self.held.get(source.region);
            let opened = open(source, assignment, *leaf, file);
            let held = opened.and_then(|signed| {
                Held::take(assignment, source.region, before, &signed, now)
                    .map_err(|refusal| refusal.to_string())
            });
            match held {
                Ok(held) => {
                    let news = before.is_none_or(|before| before.is_older_than(&held));
                    taken = Some(taken == Some(true) || news);
                    if news {
                        self.keep(source.region, held);
                    }
                }
                Err(why) => refused = why,
            }
        }
        taken.ok_or(refused)
    }

    fn keep(&mut self, region: &RegionName, held: Held) {
        if let Some(catalog) = held.catalog() {
            for front in &catalog.fronts {
                let known = self.doors.entry(front.id).or_default();
                known.until = known.until.max(catalog.expires);
            }
        }
        let before = self.held.insert(region.clone(), held);
        self.former.extend(before);
    }

    /// Forgets what is over.
    fn sweep(&mut self, now: Timestamp) {
        self.doors.retain(|_, known| known.until > now);
        self.former.retain(|held| held.catalog().is_some_and(|c| c.expires > now));
        let over = self.former.len().saturating_sub(FORMER);
        self.former.drain(..over);
    }
}

fn open(
    source: &Source<'_>,
    assignment: &Assignment,
    leaf: usize,
    file: &[u8],
) -> Result<Vec<u8>, String> {
    if !source.sealed {
        return Ok(file.to_vec());
    }
    let identity = assignment.identities.get(leaf).ok_or("there is no key to open it with")?;
    let identity: Identity =
        identity.expose().parse().map_err(|_| "the key to open it with is damaged")?;
    sealed::open(file, &identity).map_err(|e| e.to_string())
}

/// A place's name without the region.
fn shown<'a>(source: &'a Source<'_>) -> &'a str {
    source.name.rsplit_once(' ').map_or(&*source.name, |(name, _)| name)
}
