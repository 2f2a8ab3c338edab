//! Generated topologies, and what happens to fleets.

use damm_fleet::{Network, Span, State, Verdict};
use damm_planner::Edit;
use proptest::prelude::*;
use serde_json::json;

use crate::world::World;

/// Something that happens to the fleet, with a number that picks what it happens to.
#[derive(Debug, Clone)]
pub enum Event {
    /// All that is being made comes up.
    Up,
    Advance(u64),
    Verdict(usize, usize, State),
    Silence(usize),
    LoseMachine(usize),
    LoseDoor(usize),
    /// So many more clients learn a door.
    Learn(usize, u32),
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

pub fn event() -> impl Strategy<Value = Event> {
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
        2 => (any::<usize>(), 1u32..400).prop_map(|(d, n)| Event::Learn(d, n)),
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
    pub fn topology()(
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
        exposure in prop::option::of(1u32..300),
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
            "catalog": { "exposure_budget": exposure },
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
    world.target.nodes.values().flat_map(|n| n.frontdoors.keys().copied()).collect()
}

fn networks() -> [Network; 3] {
    ["IR/AS58224", "IR/AS197207", "RU/AS12389"].map(|n| n.parse().unwrap())
}

pub fn happen(world: &mut World, event: &Event) {
    match *event {
        Event::Up => world.up(),
        Event::Advance(hours) => world.advance(Span::from_hours(hours)),
        Event::Verdict(door, network, state) => {
            let (since, evidence) = (world.now, String::new());
            let (doors, networks) = (doors(world), networks());
            if let (Some(door), Some(network)) = (pick(&doors, door), pick(&networks, network)) {
                let verdict = Verdict::new(state, since, evidence);
                world.verdicts.0.entry(door).or_default().insert(network, verdict);
            }
        }
        Event::Silence(n) => {
            if let Some(id) = pick(&nodes(world), n) {
                world.silent.insert(id, world.now);
            }
        }
        Event::LoseMachine(n) => lose_machine(world, n),
        Event::LoseDoor(n) => lose_door(world, n),
        Event::Learn(door, clients) => learn(world, door, clients),
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

fn learn(world: &mut World, door: usize, clients: u32) {
    let ids = doors(world);
    let door = pick(&ids, door).and_then(|id| world.inventory.frontdoors.get_mut(&id));
    if let Some(a) = door {
        a.learned_by += clients;
    }
}

fn set(world: &mut World, place: &str, key: &str, value: serde_json::Value) {
    world.topology.pointer_mut(place).unwrap()[key] = value;
    world.reread();
}

/// A verb by hand on something that stands.
pub fn by_hand(world: &World, verb: usize, thing: usize) -> Option<Edit> {
    let node = pick(&nodes(world), thing);
    let frontdoor = pick(&doors(world), thing);
    let ips: Vec<_> =
        world.target.nodes.values().flat_map(|n| n.egress_ips.keys().copied()).collect();
    let egress_ip = pick(&ips, thing);
    let (region, provider) = ("north".parse().unwrap(), "a".parse().unwrap());
    Some(match verb % 11 {
        0 => Edit::CreateIngress { region, provider, profile: "edge".parse().unwrap() },
        1 => Edit::CreateEgress { region, provider, profile: "nat".parse().unwrap() },
        2 => Edit::AllocateIngressFrontdoors { node: node?, count: 1 },
        3 => Edit::AllocateEgressIps { node: node?, count: 1 },
        4 => Edit::DrainNode { node: node? },
        5 => Edit::RetireNode { node: node? },
        6 => Edit::PublishEndpointCatalog { region },
        7 => Edit::DrainFrontdoor { frontdoor: frontdoor? },
        8 => Edit::ReleaseFrontdoor { frontdoor: frontdoor? },
        9 => Edit::DrainEgressIp { egress_ip: egress_ip? },
        _ => Edit::ReleaseEgressIp { egress_ip: egress_ip? },
    })
}
