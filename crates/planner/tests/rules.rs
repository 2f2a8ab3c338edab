//! The rules that are never broken, over generated topologies, histories, verdicts and clocks.
//!
//! What is checked here is written apart from the linter, and the linter is checked along with it.
//! `PROPTEST_CASES` sets how many histories are tried.

#![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

mod world;

use std::collections::BTreeSet;

use damm_fleet::{Blueprint, Network, Node, Reason, Span, Stage, State, Subject, Verdict};
use damm_planner::{Edit, Plan, edit};
use proptest::prelude::*;
use proptest::test_runner::{FailurePersistence, FileFailurePersistence};
use serde_json::json;
use world::World;

/// Something that happens to the fleet, with a number that picks what it happens to.
#[derive(Debug, Clone)]
enum Event {
    /// All that is being made comes up.
    Up,
    Advance(u64),
    Verdict(usize, usize, State),
    Silence(usize),
    LoseMachine(usize),
    LoseDoor(usize),
    Empty(usize),
    Refill,
    Stick(usize),
    Live(u32),
    Standby(u32),
    Machine(bool),
    Transports(bool),
    Budget(u32),
    Edit(usize, usize),
}

fn event() -> impl Strategy<Value = Event> {
    let states = prop_oneof![
        3 => Just(State::Blocked), 2 => Just(State::Reachable), 1 => Just(State::Down)
    ];
    prop_oneof![
        8 => Just(Event::Up),
        5 => (1u64..200).prop_map(Event::Advance),
        6 => (any::<usize>(), any::<usize>(), states).prop_map(|(d, n, s)| Event::Verdict(d, n, s)),
        2 => any::<usize>().prop_map(Event::Silence),
        1 => any::<usize>().prop_map(Event::LoseMachine),
        1 => any::<usize>().prop_map(Event::LoseDoor),
        1 => any::<usize>().prop_map(Event::Empty),
        1 => Just(Event::Refill),
        1 => any::<usize>().prop_map(Event::Stick),
        2 => (1u32..6).prop_map(Event::Live),
        1 => (0u32..3).prop_map(Event::Standby),
        1 => any::<bool>().prop_map(Event::Machine),
        1 => any::<bool>().prop_map(Event::Transports),
        1 => (20u32..300).prop_map(Event::Budget),
        3 => (any::<usize>(), any::<usize>()).prop_map(|(v, s)| Event::Edit(v, s)),
    ]
}

prop_compose! {
    fn topology()(
        providers in 2usize..5,
        movable in prop::collection::vec(any::<bool>(), 4),
        weights in prop::collection::vec(1u32..4, 4),
        live in 1u32..5,
        standby in 0u32..2,
        doors in 1u32..4,
        ips in 1u32..4,
        egress in 1u32..3,
        min_fronts in 1u32..5,
        reserve in 0u32..2,
        max_disrupted in prop_oneof![Just("10%"), Just("25%"), Just("100%")],
        breaker in prop_oneof![Just("20%"), Just("40%"), Just("100%")],
        cap in 1u32..6,
        two_regions in any::<bool>(),
    ) -> String {
        let names = ["a", "b", "c", "d"];
        let provider = |i: usize| json!({
            "kind": "sim", "asns": [64_500 + i], "locations": { "north": "n", "south": "s" },
            "sim": { "movable_addresses": movable[i] }
        });
        let all: serde_json::Map<_, _> =
            (0..providers).map(|i| (names[i].to_owned(), provider(i))).collect();
        let drawn: Vec<_> = (0..providers)
            .map(|i| json!({ "provider": names[i], "weight": weights[i] }))
            .collect();
        let region = json!({
            "ingress": { "profile": "edge", "live": live, "standby": standby, "providers": drawn },
            "egress": { "profile": "nat", "nodes": egress, "providers": drawn }
        });
        let mut regions = serde_json::Map::new();
        regions.insert("north".to_owned(), region.clone());
        if two_regions {
            regions.insert("south".to_owned(), region);
        }
        let served: Vec<&String> = regions.keys().collect();
        json!({
            "fleet": "test",
            "providers": all,
            "profiles": {
                "edge": { "role": "ingress", "machine": { "sim": "small" }, "frontdoors": doors,
                          "transports": [ { "kind": "shadowsocks", "port": 443 },
                                          { "kind": "wireguard", "port": 51820 } ] },
                "nat": { "role": "egress", "machine": { "sim": "small" }, "egress_ips": ips }
            },
            "regions": regions,
            "populations": {
                "ir": { "country": "IR", "asns": [58224, 197207], "regions": served,
                        "min_fronts": min_fronts, "reserve": reserve },
                "ru": { "country": "RU", "asns": [12389], "regions": ["north"],
                        "min_fronts": min_fronts }
            },
            "rotation": {
                "ingress": { "max_age": "5d", "drain": "12h", "max_disrupted": max_disrupted },
                "egress": { "max_age": "20d", "drain": "12h", "max_disrupted": max_disrupted },
                "breaker": breaker, "max_destroys_per_plan": cap
            },
            "dns": [ { "provider": "a", "zone": "example.net", "region": "north",
                       "names": "region", "label": "north" } ],
            "budget": { "usd_per_month": 300 }
        }).to_string()
    }
}

fn pick<T: Copy>(items: &[T], n: usize) -> Option<T> {
    (!items.is_empty()).then(|| items[n % items.len()])
}

fn nodes(world: &World) -> Vec<damm_fleet::NodeId> {
    world.target.nodes.keys().copied().collect()
}

fn doors(world: &World) -> Vec<damm_fleet::FrontdoorId> {
    world
        .target
        .nodes
        .values()
        .flat_map(|n| n.frontdoors.keys().copied())
        .collect()
}

fn networks() -> [Network; 3] {
    ["IR/AS58224", "IR/AS197207", "RU/AS12389"].map(|n| n.parse().unwrap())
}

fn happen(world: &mut World, event: &Event) {
    match *event {
        Event::Up => world.up(),
        Event::Advance(hours) => world.advance(Span::from_hours(hours)),
        Event::Verdict(door, network, state) => {
            let (since, evidence) = (world.now, String::new());
            let (doors, networks) = (doors(world), networks());
            if let (Some(door), Some(network)) = (pick(&doors, door), pick(&networks, network)) {
                let verdict = Verdict {
                    state,
                    since,
                    evidence,
                };
                world
                    .verdicts
                    .0
                    .entry(door)
                    .or_default()
                    .insert(network, verdict);
            }
        }
        Event::Silence(n) => {
            if let Some(id) = pick(&nodes(world), n) {
                world.silent.insert(id, world.now);
            }
        }
        Event::LoseMachine(n) => lose_machine(world, n),
        Event::LoseDoor(n) => lose_door(world, n),
        Event::Empty(n) => {
            let names: Vec<_> = world.typed().providers.keys().cloned().collect();
            world.empty.insert(names[n % names.len()].clone());
        }
        Event::Refill => {
            world.empty.clear();
            world.stuck.clear();
        }
        Event::Stick(n) => {
            let names: Vec<_> = world.typed().providers.keys().cloned().collect();
            world.stuck.insert(names[n % names.len()].clone());
        }
        Event::Live(n) => set(world, "/regions/north/ingress", "live", json!(n)),
        Event::Standby(n) => set(world, "/regions/north/ingress", "standby", json!(n)),
        Event::Machine(large) => {
            let size = if large { "large" } else { "small" };
            set(world, "/profiles/edge/machine", "sim", json!(size));
        }
        Event::Transports(two) => {
            let mut all = vec![json!({ "kind": "shadowsocks", "port": 443 })];
            if two {
                all.push(json!({ "kind": "wireguard", "port": 51820 }));
            }
            set(world, "/profiles/edge", "transports", json!(all));
        }
        Event::Budget(usd) => set(world, "/budget", "usd_per_month", json!(usd)),
        Event::Edit(..) => {}
    }
}

fn lose_machine(world: &mut World, n: usize) {
    let (now, ids) = (world.now, nodes(world));
    let machine = pick(&ids, n).and_then(|id| world.inventory.machines.get_mut(&id));
    if let Some(m) = machine.filter(|m| m.phase.may_exist()) {
        (m.phase, m.since) = (damm_fleet::Phase::Gone, now);
    }
}

fn lose_door(world: &mut World, n: usize) {
    let (now, ids) = (world.now, doors(world));
    let door = pick(&ids, n).and_then(|id| world.inventory.frontdoors.get_mut(&id));
    if let Some(a) = door.filter(|a| a.phase.may_exist()) {
        (a.phase, a.since) = (damm_fleet::Phase::Gone, now);
    }
}

fn set(world: &mut World, place: &str, key: &str, value: serde_json::Value) {
    world.topology.pointer_mut(place).unwrap()[key] = value;
    world.reread();
}

/// A verb by hand on something that stands.
fn by_hand(world: &World, verb: usize, thing: usize) -> Option<Edit> {
    let node = pick(&nodes(world), thing);
    let frontdoor = pick(&doors(world), thing);
    let ips: Vec<_> = world
        .target
        .nodes
        .values()
        .flat_map(|n| n.egress_ips.keys().copied())
        .collect();
    let egress_ip = pick(&ips, thing);
    let (region, provider) = ("north".parse().unwrap(), "a".parse().unwrap());
    Some(match verb % 11 {
        0 => Edit::CreateIngress {
            region,
            provider,
            profile: "edge".parse().unwrap(),
        },
        1 => Edit::CreateEgress {
            region,
            provider,
            profile: "nat".parse().unwrap(),
        },
        2 => Edit::AllocateIngressFrontdoors {
            node: node?,
            count: 1,
        },
        3 => Edit::AllocateEgressIps {
            node: node?,
            count: 1,
        },
        4 => Edit::DrainNode { node: node? },
        5 => Edit::RetireNode { node: node? },
        6 => Edit::PublishEndpointCatalog { region },
        7 => Edit::DrainFrontdoor {
            frontdoor: frontdoor?,
        },
        8 => Edit::ReleaseFrontdoor {
            frontdoor: frontdoor?,
        },
        9 => Edit::DrainEgressIp {
            egress_ip: egress_ip?,
        },
        _ => Edit::ReleaseEgressIp {
            egress_ip: egress_ip?,
        },
    })
}

fn subjects(bp: &Blueprint) -> BTreeSet<Subject> {
    let of = |n: &Node| {
        let doors = n.frontdoors.keys().map(|id| Subject::from(*id));
        let ips = n.egress_ips.keys().map(|id| Subject::from(*id));
        doors
            .chain(ips)
            .chain([Subject::from(n.id)])
            .collect::<Vec<_>>()
    };
    bp.nodes.values().flat_map(of).collect()
}

/// Addresses on their way out: by themselves, or with their node.
fn leaving(bp: &Blueprint) -> BTreeSet<Subject> {
    let mut leaving = BTreeSet::new();
    for node in bp.nodes.values() {
        let gone = node.stage.is_leaving();
        let out = |stage: &Stage| gone || stage.is_leaving();
        leaving.extend(gone.then(|| Subject::from(node.id)));
        let doors = node.frontdoors.values().filter(|d| out(&d.stage));
        leaving.extend(doors.map(|d| Subject::from(d.id)));
        let ips = node.egress_ips.values().filter(|e| out(&e.stage));
        leaving.extend(ips.map(|e| Subject::from(e.id)));
    }
    leaving
}

/// Checks one plan against the rules, in the world that it was made in.
fn check(world: &World, plan: &Plan, ever: &mut BTreeSet<Subject>) -> Result<(), TestCaseError> {
    let broken = world.lint(plan);
    prop_assert!(
        broken.is_empty(),
        "the linter found {broken:#?} in\n{}",
        told(plan)
    );
    let (old, new) = (&world.target, &plan.blueprint);
    check_outside(world, old, new, plan)?;
    check_floors(world, plan)?;
    check_leaving(world, old, plan)?;
    // Rule 7: no id comes back.
    let (before, after) = (subjects(old), subjects(new));
    for made in after.difference(&before) {
        prop_assert!(ever.insert(*made), "{made} is used twice");
    }
    Ok(())
}

/// What a plan changes, a line for each.
fn told(plan: &Plan) -> String {
    let line = |c: &damm_planner::Changed| {
        format!(
            "{}: {:?} {} [{}] {}\n",
            c.region, c.decision, c.item, c.detail, c.why
        )
    };
    plan.report.changes.iter().map(line).collect()
}

/// Rules 1, 2 and 12.
fn check_outside(
    world: &World,
    old: &Blueprint,
    new: &Blueprint,
    plan: &Plan,
) -> Result<(), TestCaseError> {
    let hidden: BTreeSet<_> = world
        .inventory
        .egress_ips
        .values()
        .filter_map(|a| a.address)
        .collect();
    for set in new.records.values() {
        prop_assert!(
            set.addresses.is_disjoint(&hidden),
            "an egress address in DNS"
        );
    }
    let ingress = |bp: &Blueprint| -> Vec<Node> {
        bp.nodes
            .values()
            .filter(|n| n.role == damm_fleet::Role::Ingress)
            .cloned()
            .collect()
    };
    let renewed = plan.report.catalogs.values().all(|c| c.renewal);
    if ingress(old) == ingress(new) && !plan.report.catalogs.is_empty() {
        let same = old
            .catalogs
            .iter()
            .all(|(r, c)| new.catalogs.get(r).is_none_or(|n| n.policy == c.policy));
        prop_assert!(
            renewed || !same,
            "catalogs change though no front door does"
        );
    }
    Ok(())
}

/// Rule 3: what a population can reach does not fall below its minimum by a plan.
fn check_floors(world: &World, plan: &Plan) -> Result<(), TestCaseError> {
    for (name, p) in &world.typed().populations {
        let well = |node: &Node, door| {
            let machine = world.inventory.machines.get(&node.id);
            let sound = machine.is_some_and(|m| {
                m.phase == damm_fleet::Phase::Ready
                    && m.health == damm_fleet::inventory::Health::Healthy
            });
            let seen = world.inventory.frontdoors.get(&door);
            let ready = seen.is_some_and(|a| a.phase == damm_fleet::Phase::Ready);
            let open = world.verdicts.blocked_in(door, p).is_empty();
            sound && ready && open && !world.verdicts.is_down(door)
        };
        let count = |bp: &Blueprint| {
            bp.told(world.typed(), name)
                .filter(|(n, d)| well(n, d.id))
                .count() as u32
        };
        let (before, after) = (count(&world.target), count(&plan.blueprint));
        let kept = after >= before || after >= p.min_fronts;
        prop_assert!(kept, "{name} falls from {before} to {after} front doors");
    }
    Ok(())
}

/// Rules 5, 6 and the cap of rule 9.
fn check_leaving(world: &World, old: &Blueprint, plan: &Plan) -> Result<(), TestCaseError> {
    let new = &plan.blueprint;
    let (before, after) = (leaving(old), leaving(new));
    for out in after.difference(&before) {
        match out {
            Subject::Frontdoor(id) => {
                let until = world
                    .inventory
                    .frontdoors
                    .get(id)
                    .and_then(|a| a.named_until);
                let named = until.is_some_and(|until| until > world.now);
                prop_assert!(!named, "{id} leaves while a catalog names it");
            }
            Subject::Node(id) => {
                let Some(node) = old.nodes.get(id) else {
                    prop_assert!(
                        false,
                        "{id} is made and taken down at once:\n{}",
                        told(plan)
                    );
                    continue;
                };
                let sessions = world.inventory.machines.get(id).map_or(0, |m| m.sessions);
                let over = match &node.stage {
                    Stage::Draining { deadline, .. } => *deadline <= world.now,
                    _ => false,
                };
                let lost = matches!(new.nodes[id].stage, Stage::Leaving { ref why, .. }
                    if matches!(why, Reason::Dead { .. } | Reason::Drained | Reason::DrainDeadline { .. }));
                let told = node.serves();
                prop_assert!(
                    sessions == 0 || over || lost || !told,
                    "{id} leaves with {sessions} sessions"
                );
            }
            Subject::EgressIp(_) => {}
        }
    }
    Ok(())
}

fn cases() -> u32 {
    let set = std::env::var("PROPTEST_CASES").ok();
    set.and_then(|n| n.parse().ok()).unwrap_or(10_000)
}

fn config() -> ProptestConfig {
    let kept = FileFailurePersistence::WithSource("regressions");
    let failure_persistence: Option<Box<dyn FailurePersistence>> = Some(Box::new(kept));
    ProptestConfig {
        cases: cases(),
        failure_persistence,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_history_breaks_a_rule(
        topology in topology(),
        seed in any::<u64>(),
        events in prop::collection::vec(event(), 1..12),
    ) {
        let mut world = World::new(&topology, seed);
        let mut ever = BTreeSet::new();
        // A fleet that stands is where most can go wrong.
        for _ in 0..2 {
            let plan = world.plan();
            check(&world, &plan, &mut ever)?;
            world.adopt(&plan);
            world.up();
        }
        for event in &events {
            happen(&mut world, event);
            if let Event::Edit(verb, thing) = *event
                && let Some(edit_) = by_hand(&world, verb, thing)
            {
                let seed = world.next_seed();
                if let Ok(plan) = world.with(|s| edit(s, seed, &edit_)) {
                    check(&world, &plan, &mut ever)?;
                    world.adopt(&plan);
                }
            }
            let plan = world.plan();
            check(&world, &plan, &mut ever)?;
            world.adopt(&plan);
        }
    }

    #[test]
    fn every_fleet_settles(
        topology in topology(),
        seed in any::<u64>(),
        events in prop::collection::vec(event(), 0..6),
    ) {
        let mut world = World::new(&topology, seed);
        for event in &events {
            world.up();
            happen(&mut world, event);
            let plan = world.plan();
            world.adopt(&plan);
        }
        world.stuck.clear();
        let settled = (0..30).any(|_| {
            world.up();
            let plan = world.plan();
            world.adopt(&plan);
            plan.diff.is_empty()
        });
        prop_assert!(settled, "thirty plans in a row, and still not done: {:#?}", world.plan().report.changes);
    }

    #[test]
    fn the_same_situation_gives_the_same_bytes(topology in topology(), seed in any::<u64>()) {
        let bytes = || {
            let mut world = World::new(&topology, seed);
            let first = world.plan();
            world.adopt(&first);
            world.up();
            serde_json::to_vec(&(first.diff, world.plan().diff)).unwrap()
        };
        prop_assert_eq!(bytes(), bytes());
    }
}
