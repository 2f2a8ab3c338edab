//! How fast clients are dealt doors, how few move, and how soon an insider is alone.

use anyhow::{Result, ensure};
use damm_assign::{AssignKey, Bucket, Candidate, Census, Deal, Paths};
use damm_fleet::{Asn, FrontdoorId, PopulationName, ProviderName, Seed};
use ipnet::{IpNet, Ipv4Net};

use crate::insider;
use crate::measure::{Cost, Watch};
use crate::table::{Row, Table};

/// What one run is about.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Clients of the one population.
    pub clients: u32,
    /// Front doors.
    pub doors: usize,
    /// Base buckets.
    pub buckets: [u32; 3],
}

/// What the line is drawn for.
pub const REFERENCE: Size =
    Size { clients: 1_000_000, doors: 10_000, buckets: [1_024, 4_096, 10_000] };
/// Doors that each bucket is told of.
const COUNT: usize = 3;
/// Seconds of CPU for all clients.
const LINE: f64 = 1.0;
/// Doors that are lost, one by one, from the whole fleet.
const LOST: usize = 20;
/// How many more doors may move than were lost to buckets.
const MOVED: f64 = 1.1;

/// Measures all of it.
pub fn run(size: Size, table: &mut Table) -> Result<()> {
    let (key, population) = (AssignKey::new([7; 32]), "ir".parse::<PopulationName>()?);
    let doors = fleet(size.doors)?;
    for buckets in size.buckets {
        dealt(&key, &population, size, buckets, &doors, table)?;
    }
    lost(&key, &population, size.buckets[0], &doors, table)?;
    insider::run(table)
}

fn dealt(
    key: &AssignKey,
    population: &PopulationName,
    size: Size,
    buckets: u32,
    doors: &[Candidate],
    table: &mut Table,
) -> Result<()> {
    let watch = Watch::start()?;
    let paths = Paths::new(key, population, buckets);
    let census = Census::new((0..size.clients).map(|client| paths.of(client)));
    let told = all(key, population, buckets, doors)?;
    let cost = watch.cost()?;
    let counted: usize = bases(buckets).map(|b| census.clients_in(b)).sum();
    ensure!(counted == size.clients as usize, "{counted} clients have buckets");
    ensure!(told.iter().all(|doors| doors.len() == COUNT), "a bucket lacks doors");
    table.add(Row {
        name: "clients dealt their doors".to_owned(),
        size: format!("{} clients, {} doors, {buckets} buckets", size.clients, size.doors),
        cost,
        peak: None,
        line: Some((format!("{LINE} s of CPU"), cost.cpu < LINE)),
    });
    Ok(())
}

/// Loses doors one by one, each from the whole fleet, and counts what else moves: at least the lost
/// door has to be replaced in each bucket that held it.
fn lost(
    key: &AssignKey,
    population: &PopulationName,
    buckets: u32,
    doors: &[Candidate],
    table: &mut Table,
) -> Result<()> {
    let before = all(key, population, buckets, doors)?;
    let (mut least, mut moved) = (0, 0);
    for lost in doors.iter().step_by((doors.len() / LOST).max(1)) {
        let left: Vec<Candidate> = doors.iter().filter(|d| d.id != lost.id).cloned().collect();
        let after = all(key, population, buckets, &left)?;
        for (before, after) in before.iter().zip(&after) {
            least += usize::from(before.contains(&lost.id));
            moved += after.iter().filter(|door| !before.contains(door)).count();
        }
    }
    let ratio = moved as f64 / (least as f64).max(1.0);
    table.add(Row {
        name: "doors moved for each door lost".to_owned(),
        size: format!("{moved} moved, {least} lost to buckets: {ratio:.3} times the least"),
        cost: Cost::default(),
        peak: None,
        line: Some((format!("at most {MOVED} times the least"), ratio <= MOVED)),
    });
    Ok(())
}

fn bases(buckets: u32) -> impl Iterator<Item = Bucket> {
    (0..buckets).filter_map(Bucket::new)
}

fn all(
    key: &AssignKey,
    population: &PopulationName,
    buckets: u32,
    doors: &[Candidate],
) -> Result<Vec<Vec<FrontdoorId>>> {
    ensure!(buckets <= 1 << 16, "a population has at most 65,536 buckets");
    let deal = Deal::of_all(population, COUNT, doors);
    Ok(bases(buckets).map(|bucket| deal.doors_of(key, bucket)).collect())
}

/// Doors at five providers, each with two networks of its own, sixteen to a prefix; their weights
/// are those of doors that are empty, half full and full.
fn fleet(doors: usize) -> Result<Vec<Candidate>> {
    let mut ids = Seed::from_number(1);
    let door = |i: usize| {
        let prefix = Ipv4Net::new([10, (i / 4_096) as u8, (i / 16) as u8, 0].into(), 24)?;
        Ok(Candidate {
            id: ids.frontdoor(),
            provider: ProviderName::new(&format!("p{}", i % 5))?,
            asn: Asn(64_500 + (i % 10) as u32),
            prefix: IpNet::V4(prefix),
            weight: [8, 8, 4, 1][i % 4],
        })
    };
    (0..doors).map(door).collect()
}
