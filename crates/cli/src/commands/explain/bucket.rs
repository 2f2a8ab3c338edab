//! A bucket of clients, or the one that a client is in: how it is treated, and what it was told.

use std::path::Path;

use damm_assign::{Bucket, Census, Paths, Splitting, Standing, Suspicion};
use damm_engine::Keys;
use damm_fleet::{FrontdoorId, PopulationName, Timestamp};
use damm_protocol::CredentialId;
use damm_server::clients::Client;
use damm_store::Store;
use serde_json::{Value, json};

use super::splits::{self, Moment, percent};
use crate::exit::{Failure, Result};
use crate::outlook::Outlook;
use crate::render::{Line, Page, Style, when};
use crate::workbench::load_keys;

/// Which bucket was asked for.
enum Asked {
    Bucket(PopulationName, Bucket),
    Client(PopulationName, u32),
}

/// All that is told of a bucket.
struct Told {
    client: Option<u32>,
    population: PopulationName,
    bucket: Bucket,
    clients: usize,
    splitting: Splitting,
    doors: Vec<FrontdoorId>,
    moments: Vec<Moment>,
}

/// Writes what is known of a bucket or a client on a page, if it is one that was asked for; returns
/// what `--json` tells.
pub async fn tell(
    id: &str,
    page: &mut Page,
    store: &Store,
    outlook: &Outlook,
) -> Result<Option<Value>> {
    let Some(asked) = asked(id, store, outlook).await? else {
        return Ok(None);
    };
    let told = look(asked, store, outlook).await?;
    told.draw(page, outlook.picture.now);
    Ok(Some(told.json()))
}

async fn asked(id: &str, store: &Store, outlook: &Outlook) -> Result<Option<Asked>> {
    if let Ok(number) = id.parse::<u32>() {
        let population = population_of(number, store).await?;
        return Ok(Some(Asked::Client(population, number)));
    }
    let Some((name, bucket)) = id.split_once('/') else {
        return Ok(None);
    };
    let topology = &outlook.file.topology;
    let known = topology.populations.keys().find(|p| p.as_str() == name);
    let Some(name) = known else {
        return Ok(None);
    };
    let buckets = topology.catalog.buckets;
    let bucket: Bucket = bucket.parse().map_err(|e| {
        Failure::error(format!("{id}: {e}"))
            .help(format!("{name} has the buckets 0 to {}", buckets - 1))
    })?;
    match bucket.its_base().number() < buckets {
        true => Ok(Some(Asked::Bucket(name.clone(), bucket))),
        false => Err(Failure::error(format!("{name} has no bucket {bucket}"))
            .help(format!("its buckets are 0 to {}", buckets - 1))),
    }
}

async fn population_of(number: u32, store: &Store) -> Result<PopulationName> {
    let none = || {
        Failure::error(format!("no client is let in with the number {number}"))
            .help("damm credentials list")
    };
    let id = CredentialId::new(number).ok_or_else(none)?;
    if let Some((_, client)) = store.client::<Client>(id).await? {
        return Ok(client.population);
    }
    let made = store.credentials().await?.iter().any(|c| c.id == id);
    Err(match made {
        true => Failure::error(format!("credential {number} was made by hand, for no population"))
            .help("its bucket is that of the catalog that you gave it: damm explain ir/17"),
        false => none(),
    })
}

async fn look(asked: Asked, store: &Store, outlook: &Outlook) -> Result<Told> {
    let keys = keys(outlook)?;
    let (client, population) = match &asked {
        Asked::Bucket(population, _) => (None, population.clone()),
        Asked::Client(population, number) => (Some(*number), population.clone()),
    };
    let buckets = outlook.file.topology.catalog.buckets;
    let paths = Paths::new(&keys.secret().assign_key(), &population, buckets);
    let splitting: Splitting = store.splittings().await?.remove(&population).unwrap_or_default();
    let bucket = match asked {
        Asked::Bucket(_, bucket) => bucket,
        Asked::Client(_, number) => splitting.splits.leaf_of(paths.of(number)),
    };
    let numbers = store.client_numbers(&population).await?;
    let census = Census::new(numbers.into_iter().map(|n| paths.of(n)));
    let clients = census.clients_in(bucket);
    let doors = doors(store, &population, bucket).await?;
    let moments = splits::of(bucket, &population, store).await?;
    Ok(Told { client, population, bucket, clients, splitting, doors, moments })
}

fn keys(outlook: &Outlook) -> Result<Keys> {
    let base = Path::new(&outlook.file.name).parent().unwrap_or(Path::new(""));
    load_keys(&base.join("keys"), &outlook.file.name)
}

/// The doors that its clients were told of, as long as these are in the fleet.
async fn doors(store: &Store, of: &PopulationName, bucket: Bucket) -> Result<Vec<FrontdoorId>> {
    let learned = store.learned().await?.into_iter();
    let learned = learned.filter(|(_, population, told)| {
        population == of && Bucket::new(*told).is_some_and(|told| told.holds(bucket))
    });
    let mut doors: Vec<FrontdoorId> = learned.map(|(door, ..)| door).collect();
    doors.sort_unstable();
    doors.dedup();
    Ok(doors)
}

impl Told {
    fn suspicion(&self) -> Option<&Suspicion> {
        self.splitting.suspicions().find(|(b, _)| *b == self.bucket).map(|(_, s)| s)
    }

    /// How it is treated, for scripts.
    fn standing(&self) -> &'static str {
        match (self.splitting.splits.is_leaf(self.bucket), self.splitting.standing(self.bucket)) {
            (false, _) => "split",
            (true, Standing::Ordinary) => "ordinary",
            (true, Standing::Suspect) => "suspect",
            (true, Standing::Alone) => "alone",
        }
    }

    fn json(&self) -> Value {
        json!({
            "population": self.population,
            "client": self.client,
            "bucket": self.bucket.to_string(),
            "clients": self.clients,
            "standing": self.standing(),
            "splits": self.moments,
            "frontdoors": self.doors,
        })
    }

    fn draw(&self, page: &mut Page, now: Timestamp) {
        page.wrapped(Line::new(), self.head());
        page.wrapped(Line::new(), Line::plain(self.treated(now)));
        page.heading("Its splits");
        match self.moments.is_empty() {
            true => page.line(Line::of(Style::Dim, "  none: it was never suspected enough")),
            false => splits::table(&self.moments, now).draw(page),
        }
        if !self.doors.is_empty() {
            page.heading("Its clients were told of");
            for door in &self.doors {
                page.line(Line::plain("  ").put(Style::Accent, door.to_string()));
            }
        }
    }

    fn head(&self) -> Line {
        let (bucket, of) = (format!("{}/{}", self.population, self.bucket), &self.population);
        let count = self.clients;
        let clients = if count == 1 { "client" } else { "clients" };
        match self.client {
            Some(number) => Line::of(Style::Bold, format!("client {number}"))
                .put(Style::Plain, format!(" is in bucket {bucket}, of {count} {clients}.")),
            None => Line::of(Style::Bold, bucket)
                .put(Style::Plain, format!(" is a bucket of {count} {clients} of {of}.")),
        }
    }

    /// How it is treated, in a sentence.
    fn treated(&self, now: Timestamp) -> String {
        let ppm = self.suspicion().map_or(0, |s| s.ppm);
        let since = self.suspicion().map(|s| when::relative(s.raised, now)).unwrap_or_default();
        match self.standing() {
            "ordinary" if self.bucket.depth() == 0 => "It is not split.".to_owned(),
            "ordinary" => "It is told of doors as its base bucket is.".to_owned(),
            "suspect" => format!(
                "It is told of doors of its own: {} likely that one of its clients told a censor, \
                 last raised {since}.",
                percent(ppm)
            ),
            "alone" => "It is one client, which gave away all that it was told; it is told of \
                        nothing new for now."
                .to_owned(),
            _ => self.parts(),
        }
    }

    fn parts(&self) -> String {
        let leaves = self.splitting.splits.leaves_under(self.bucket);
        let names: Vec<String> = leaves.iter().map(ToString::to_string).collect();
        match leaves.as_slice() {
            [one] if *one == self.bucket => {
                "It is a part of a bucket that is not split.".to_owned()
            }
            _ => format!("It is split into {}.", names.join(", ")),
        }
    }
}
