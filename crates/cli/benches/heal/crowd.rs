//! The clients, as one process in a network of the censored country.

use std::collections::BTreeSet;
use std::io::BufRead as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use damm_client::{Controller, Dial as _, Places, Profile, Real, fetch, is_time, report, try_all};
use damm_clouds::{Clock as _, WallClock};
use damm_fleet::FrontdoorId;
use damm_protocol::Question;
use damm_protocol::evidence::Epoch;
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, watch};

/// Where all of them are.
const HOME: &str = "IR/AS58224";
/// The longest that one try takes.
const PATIENCE: Duration = Duration::from_secs(5);
/// One client of each bucket looks for a new catalog so often, as an app does whose door failed.
const LOOKS: Duration = Duration::from_secs(1);

/// What a client tells of itself.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Told {
    /// A report with a failure of this door was taken.
    Failed(FrontdoorId),
    /// The catalog of a bucket names a door no longer.
    Unnamed(u32, FrontdoorId),
    /// The bucket's client goes through a door that it was not told of before.
    Served(u32, FrontdoorId),
    /// All have fetched their catalogs.
    Ready,
}

/// A line of what the crowd prints.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Line {
    /// Milliseconds since 1970.
    pub at: i64,
    /// What.
    pub told: Told,
}

fn say(told: Told) {
    let line = Line { at: WallClock.now().as_millis(), told };
    println!("{}", serde_json::to_string(&line).unwrap());
}

/// Lives as all clients of a file, until standard input ends. Each line of it is a door that one
/// client of each bucket is to look after.
pub fn run(file: &Path, of: &str) -> ExitCode {
    let text = std::fs::read(file).unwrap();
    let clients: Vec<(u32, Profile)> = serde_json::from_slice(&text).unwrap();
    assert_eq!(clients.len().to_string(), of);
    let (send, asked) = watch::channel(None);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.spawn(live(clients, asked));
    for line in std::io::stdin().lock().lines() {
        send.send_replace(Some(line.unwrap().trim().parse::<FrontdoorId>().unwrap()));
    }
    ExitCode::SUCCESS
}

async fn live(clients: Vec<(u32, Profile)>, asked: watch::Receiver<Option<FrontdoorId>>) {
    let mut buckets = BTreeSet::new();
    let mut all = Vec::new();
    for (bucket, mut profile) in clients {
        drop(fetch(&mut profile, &Places::default(), WallClock.now()).await);
        if buckets.insert(bucket) {
            tokio::spawn(look_after(bucket, profile.clone(), asked.clone()));
        }
        all.push(Arc::new(Mutex::new(profile)));
    }
    say(Told::Ready);
    loop {
        for profile in &all {
            let profile = profile.clone();
            // Who is at it is at it.
            let due = profile.try_lock().is_ok_and(|p| when(&p).is_some());
            if due {
                tokio::spawn(async move { speak(&mut *profile.lock().await).await });
            }
        }
        tokio::time::sleep(LOOKS).await;
    }
}

/// The half hour that a client is to report for now.
fn when(profile: &Profile) -> Option<Epoch> {
    is_time(profile, WallClock.now()).unwrap()
}

/// Fetches, tries all doors, and reports.
async fn speak(profile: &mut Profile) {
    let Some(epoch) = when(profile) else { return };
    drop(fetch(profile, &Places::default(), WallClock.now()).await);
    let (now, home) = (WallClock.now(), HOME.parse().unwrap());
    let doors = profile.all_ways(now).unwrap();
    let trials = try_all(&doors, profile, home, &Real { patience: PATIENCE }, now).await;
    profile.learn(&trials);
    let told = report(profile, home, &trials, true, WallClock.now()).unwrap();
    let controller = Controller::new(&profile.controllers[0], None).unwrap();
    if controller.report(&told).await.is_ok() {
        profile.has_reported(epoch);
        let failed = trials.iter().filter(|trial| !trial.met.works());
        failed.for_each(|trial| say(Told::Failed(trial.door.id)));
    }
}

/// Looks for catalogs without the door that was asked for, and goes through what is new in them.
async fn look_after(
    bucket: u32,
    mut profile: Profile,
    mut asked: watch::Receiver<Option<FrontdoorId>>,
) {
    while asked.changed().await.is_ok() {
        let Some(door) = *asked.borrow_and_update() else { continue };
        drop(fetch(&mut profile, &Places::default(), WallClock.now()).await);
        let before = named(&profile);
        if !before.contains(&door) {
            continue;
        }
        while named(&profile).contains(&door) {
            tokio::time::sleep(LOOKS).await;
            drop(fetch(&mut profile, &Places::default(), WallClock.now()).await);
        }
        say(Told::Unnamed(bucket, door));
        while !is_served(&profile, &before).await {
            tokio::time::sleep(LOOKS).await;
            drop(fetch(&mut profile, &Places::default(), WallClock.now()).await);
        }
        say(Told::Served(bucket, door));
    }
}

/// The doors of a client's catalogs.
fn named(profile: &Profile) -> BTreeSet<FrontdoorId> {
    let catalogs = profile.catalogs().values().filter_map(|held| held.catalog());
    catalogs.flat_map(|c| c.fronts.into_iter().map(|front| front.id)).collect()
}

/// Whether the client gets through a door that it was not told of before.
async fn is_served(profile: &Profile, before: &BTreeSet<FrontdoorId>) -> bool {
    let (now, named) = (WallClock.now(), named(profile));
    let doors = profile.all_ways(now).unwrap();
    let new = |id: &FrontdoorId| named.contains(id) && !before.contains(id);
    for door in doors.iter().filter(|door| new(&door.id)) {
        let token = "5a".repeat(16).parse().unwrap();
        let question = Question { door: door.id, epoch: Epoch::at(now), token };
        if (Real { patience: PATIENCE }).meet(door, &question).await.works() {
            return true;
        }
    }
    false
}
