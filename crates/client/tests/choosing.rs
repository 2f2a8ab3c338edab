//! Which doors are tried first, what is kept, and what is said when.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod scene;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use damm_client::{Dial, Error, Known, Met, Profile, due, is_time, plan, race, report, try_all};
use damm_fleet::{Asn, FrontdoorId, Network, Span};
use damm_formats::Door;
use damm_protocol::evidence::{Ending, Epoch, Phase, ReporterKey, WitnessKey};
use damm_protocol::{InvitationCode, Question};
use scene::{NOW, Scene};

fn home() -> Network {
    Network::new("IR", Asn(58_224)).unwrap()
}

async fn doors(ids: &[u64]) -> (Scene, Vec<Door>) {
    let mut scene = Scene::new();
    scene.put("a", 0, &Scene::catalog(1, 0, ids));
    scene.fetch(Span::from_mins(1)).await.unwrap();
    let ways = scene.profile.ways(NOW).unwrap();
    (scene, ways)
}

fn ids(doors: &[Door]) -> Vec<u64> {
    doors.iter().map(|d| d.id.raw()).collect()
}

/// Doors that work, and how long each takes to say so; all others never answer.
struct Engine {
    works: BTreeMap<u64, Duration>,
    tried: Mutex<Vec<u64>>,
}

impl Engine {
    fn new(works: &[(u64, u64)]) -> Self {
        let works = works.iter().map(|(door, ms)| (*door, Duration::from_millis(*ms)));
        Self { works: works.collect(), tried: Mutex::default() }
    }
}

#[async_trait]
impl Dial for Engine {
    async fn meet(&self, door: &Door, question: &Question) -> Met {
        self.tried.lock().unwrap().push(door.id.raw());
        let met = |ending, receipt| Met {
            phase: Phase::Connection,
            ending,
            elapsed: Span::from_millis(1_234),
            received: 77,
            receipt,
        };
        match self.works.get(&door.id.raw()) {
            Some(wait) => {
                tokio::time::sleep(*wait).await;
                met(Ending::Ok, Some(question.receipt(&WitnessKey::new([6; 32]))))
            }
            None => {
                tokio::time::sleep(Duration::from_secs(10)).await;
                met(Ending::TimedOut, None)
            }
        }
    }
}

#[tokio::test]
async fn what_worked_lately_comes_first_and_what_failed_last() {
    let (_scene, ways) = doors(&[1, 2, 3, 4]).await;
    let ago = |minutes: u64| Some(NOW - Span::from_mins(minutes));
    let known = [
        (1, Known { failed: ago(5), misses: 3, ..Known::default() }),
        (2, Known { worked: ago(60), ..Known::default() }),
        (3, Known { failed: ago(5), worked: ago(9), misses: 1, ..Known::default() }),
    ];
    let known = known.map(|(n, k)| (FrontdoorId::from_raw(n), k)).into();
    for seed in 0..20 {
        assert_eq!(ids(&plan(ways.clone(), &known, seed, NOW)), [2, 4, 3, 1], "seed {seed}");
    }
}

#[tokio::test]
async fn clients_that_know_nothing_spread_over_all_doors() {
    let (_scene, ways) = doors(&[1, 2, 3, 4]).await;
    let mut first = BTreeMap::new();
    for seed in 0..400 {
        let plan = plan(ways.clone(), &BTreeMap::new(), seed, NOW);
        *first.entry(plan[0].id.raw()).or_insert(0) += 1;
    }
    assert!(first.values().all(|n| (60..140).contains(n)), "{first:?}");
}

#[tokio::test(start_paused = true)]
async fn a_race_ends_with_two_that_work_and_does_not_wait_for_those_that_don_t() {
    let (scene, ways) = doors(&[1, 2, 3, 4]).await;
    let engine = Engine::new(&[(2, 500), (4, 300)]);
    let begun = tokio::time::Instant::now();
    let trials = race(&ways, &scene.profile, home(), &engine, NOW).await;
    let works: Vec<u64> =
        trials.iter().filter(|t| t.met.works()).map(|t| t.door.id.raw()).collect();
    assert_eq!(works, [2, 4]);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let none = race(&ways, &scene.profile, home(), &Engine::new(&[]), NOW).await;
    assert_eq!(none.iter().filter(|t| !t.met.works()).count(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_report_says_what_happened_in_cut_numbers_with_tokens_that_are_the_clients() {
    let (mut scene, ways) = doors(&[1, 2]).await;
    let engine = Engine::new(&[(2, 10)]);
    let trials = try_all(&ways, &scene.profile, home(), &engine, NOW).await;
    scene.profile.learn(&trials);
    let told = report(&scene.profile, home(), &trials, true, NOW + Span::from_secs(37)).unwrap();
    assert_eq!((told.by.number(), told.entries.len()), (7, 2));
    let key = ReporterKey::new([8; 32]);
    for entry in &told.entries {
        assert!(entry.is_by(&key, home()));
        assert_eq!((entry.age, entry.elapsed_time), (20, Some(1_000)));
        let works = entry.ep.raw() == 2;
        assert_eq!(entry.rcpt.is_some(), works);
        // The other one worked, as seen from the one that did not.
        assert_eq!(entry.ctl.unwrap().other_ep_ok, !works);
        assert_eq!(entry.rx, (!works).then_some(50));
    }
    let known = scene.profile.doors();
    assert_eq!(known[&FrontdoorId::from_raw(1)].misses, 1);
    assert_eq!(known[&FrontdoorId::from_raw(2)].worked, Some(NOW));
}

#[tokio::test]
async fn a_client_reports_once_in_each_half_hour_at_its_own_moment() {
    let (mut scene, _) = doors(&[1]).await;
    let key = ReporterKey::new([8; 32]);
    let mut times = Vec::new();
    for minute in 0..300 {
        let now = NOW + Span::from_mins(minute);
        assert!(due(&scene.profile, now).unwrap() + Epoch::GRACE > now);
        if let Some(epoch) = is_time(&scene.profile, now).unwrap() {
            assert!(Epoch::is_heard(key.due(epoch), now));
            scene.profile.has_reported(epoch);
            times.push(now);
        }
    }
    assert!((9..=11).contains(&times.len()), "{times:?}");
}

#[test]
fn a_profile_is_written_whole_for_its_owner_and_shows_no_secret() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("client.json");
    assert!(matches!(Profile::load(&path), Err(Error::NotEnrolled)));
    let code = InvitationCode::new([3; 16]);
    let profile = Profile::new([5; 32], "https://controller.example", code.clone());
    profile.save(&path).unwrap();
    assert_eq!(Profile::load(&path).unwrap(), profile);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1);
    let shown = format!("{profile:?}");
    assert!(!shown.contains(code.expose().as_str()), "{shown}");
    assert!(!shown.contains(&profile.secret().expose().expose()), "{shown}");
    // What a crash in the middle of a write leaves beside it does not matter.
    std::fs::write(dir.path().join("client.json.new"), "{").unwrap();
    assert_eq!(Profile::load(&path).unwrap(), profile);
    // Nor does it matter who could read that: what is written next is for its owner alone.
    let open = std::fs::Permissions::from_mode(0o666);
    std::fs::set_permissions(dir.path().join("client.json.new"), open).unwrap();
    profile.save(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1);
    let text = std::fs::read_to_string(&path).unwrap();
    for damage in
        [&text[..text.len() / 2], "", "{}", &text.replace("\"version\": 1", "\"version\": 9")]
    {
        std::fs::write(&path, damage).unwrap();
        let error = Profile::load(&path).unwrap_err().to_string();
        assert!(error.contains("client.json"), "{error}");
        assert!(!error.contains(&profile.secret().expose().expose()), "{error}");
    }
}
