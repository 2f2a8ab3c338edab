//! How plans look, as goldens: at 80 columns, folded and unfolded, plain and coloured.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use damm_cli::render::{Page, plan};
use damm_fleet::blueprint::Blueprint;
use damm_fleet::verdict::Network;
use damm_fleet::{
    Asn, Diff, Origin, PopulationName, Reason, RegionName, Role, Seed, Share, Span, Timestamp, Usd,
    Verb, WaitingOn,
};
use damm_planner::{
    CatalogDiff, Changed, Cost, Counts, Decision, Forecast, Halt, Item, Plan, PoolReport, Report,
    Survival, Survivors, Waiting,
};

const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

fn region(name: &str) -> RegionName {
    RegionName::new(name).unwrap()
}

fn act(item: Item, region: &RegionName, verb: Verb, detail: &str, why: Reason) -> Changed {
    Changed {
        item,
        region: region.clone(),
        decision: Decision::Act { verb },
        detail: detail.to_owned(),
        why,
    }
}

fn survival(fronts: u32, worst: [(&str, &str, u32); 3]) -> Survival {
    Survival {
        fronts,
        min_fronts: 4,
        providers: 3,
        asns: 4,
        prefixes: 6,
        worst: worst
            .map(|(kind, lost, left)| Survivors {
                kind: kind.to_owned(),
                lost: lost.to_owned(),
                left,
            })
            .to_vec(),
    }
}

fn pools(before: Counts, after: Counts) -> Vec<PoolReport> {
    let pool =
        |name: &str, role, want| PoolReport { region: region(name), role, want, before, after };
    vec![
        pool("eu-north", Role::Ingress, 6),
        pool("eu-north", Role::Egress, 2),
        pool("us-west", Role::Ingress, 4),
    ]
}

fn wrap(report: Report, then: Vec<Report>) -> (Plan, Forecast) {
    let mut seed = Seed::from_number(9);
    let genesis = Blueprint::genesis(seed.blueprint(), NOW);
    let blueprint = genesis.child(seed.blueprint(), NOW, Origin::Planner);
    let diff = Diff::default();
    let plan = Plan { blueprint, diff, report };
    (plan, Forecast { then })
}

fn draw(report: Report, then: Vec<Report>, unfolded: bool, colour: bool) -> String {
    let (plan, forecast) = wrap(report, then);
    let mut page = Page::new(80);
    let view = plan::View {
        fleet: "example",
        plan: &plan,
        forecast: &forecast,
        breaker: Share::Percent(40.0),
        now: NOW,
        unfolded,
    };
    plan::draw(&mut page, &view);
    let text = page.render(colour);
    let wide = |l: &&str| !colour && l.chars().count() > 80;
    assert_eq!(text.lines().find(wide), None, "wider than 80 columns");
    text
}

fn creates(seed: &mut Seed) -> Vec<Changed> {
    let mut changes = Vec::new();
    for (r, n) in [("eu-north", 6), ("us-west", 4)] {
        let region = region(r);
        for i in 0..n {
            let at = ["sim-a", "sim-b", "sim-c"][i % 3];
            changes.push(act(
                Item::Subject(seed.node().into()),
                &region,
                Verb::CreateIngress,
                &format!("{at}, edge, 2 front doors"),
                Reason::BelowTarget { have: 0, want: n as u32 },
            ));
        }
        changes.push(act(
            Item::Subject(seed.node().into()),
            &region,
            Verb::CreateIngress,
            "sim-b, edge, 2 front doors",
            Reason::BelowStandby { have: 0, want: 1 },
        ));
        for _ in 0..2 {
            changes.push(act(
                Item::Subject(seed.node().into()),
                &region,
                Verb::CreateEgress,
                "sim-a, nat, 8 addresses",
                Reason::BelowTarget { have: 0, want: 2 },
            ));
        }
    }
    changes
}

fn published(seed: &mut Seed, added: usize, removed: usize) -> BTreeMap<RegionName, CatalogDiff> {
    let diff = CatalogDiff {
        added: (0..added).map(|_| seed.frontdoor()).collect(),
        removed: (0..removed).map(|_| seed.frontdoor()).collect(),
        renewal: false,
    };
    BTreeMap::from([(region("eu-north"), diff)])
}

fn first_build() -> (Report, Vec<Report>) {
    let mut seed = Seed::from_number(1);
    let changes = creates(&mut seed);
    let building = Counts { building: 7, ..Counts::default() };
    let live = Counts { live: 6, standby: 1, addresses: 12, ..Counts::default() };
    let cost = Cost {
        now: Usd::ZERO,
        then: Usd::from_mills(58_500),
        limit: Some(Usd::from_mills(500_000)),
    };
    let ir = survival(
        12,
        [("provider", "sim-a", 8), ("ASN", "AS64500", 8), ("prefix", "10.81.3.0/24", 10)],
    );
    let tm = survival(
        8,
        [("provider", "sim-b", 2), ("ASN", "AS64501", 4), ("prefix", "10.2.0.0/24", 0)],
    );
    let verified = changes.iter().take(7).map(|c| Changed {
        decision: Decision::Verified,
        why: Reason::Verified,
        ..c.clone()
    });
    let publish = act(
        Item::Catalog,
        &region("eu-north"),
        Verb::PublishEndpointCatalog,
        "",
        Reason::CatalogChanged { added: 12, removed: 0 },
    );
    let then = Report {
        changes: verified.chain([publish]).collect(),
        survival: [("ir", ir), ("turkmenistan-mobile", tm)]
            .map(|(n, s)| (PopulationName::new(n).unwrap(), s))
            .into(),
        cost,
        ..Report::default()
    };
    let report =
        Report { changes, pools: pools(Counts::default(), building), cost, ..Report::default() };
    let _ = live;
    (report, vec![then])
}

fn rotation() -> Report {
    let mut seed = Seed::from_number(2);
    let eu = region("eu-north");
    let network = |asn| Network::new("IR", Asn(asn)).unwrap();
    let door = |seed: &mut Seed| Item::Subject(seed.frontdoor().into());
    let mut changes: Vec<Changed> = (0..5)
        .map(|i| {
            let limit = Span::from_hours(140 + i);
            let why = Reason::Aged { limit };
            let detail = if i < 2 { "10.81.3.7:443 at sim-a" } else { "10.2.0.9:443 at sim-b" };
            act(door(&mut seed), &eu, Verb::DrainFrontdoor, detail, why)
        })
        .collect();
    changes.push(act(
        Item::Subject(seed.node().into()),
        &eu,
        Verb::AllocateIngressFrontdoors,
        "1 front door at sim-a",
        Reason::Blocked { networks: vec![network(58_224), network(44_244)] },
    ));
    changes.push(Changed {
        item: door(&mut seed),
        region: eu.clone(),
        decision: Decision::Withhold { population: PopulationName::new("ir").unwrap() },
        detail: "10.81.4.9:51820 at sim-c".to_owned(),
        why: Reason::Blocked { networks: vec![network(58_224)] },
    });
    changes.push(act(
        Item::Subject(seed.node().into()),
        &eu,
        Verb::RetireNode,
        "sim-c, edge",
        Reason::DrainDeadline { sessions: 12 },
    ));
    let waits = vec![
        Waiting {
            item: door(&mut seed),
            region: eu.clone(),
            would: Verb::ReleaseFrontdoor,
            on: WaitingOn::CatalogExpiry { until: NOW + Span::from_mins(312) },
        },
        Waiting {
            item: door(&mut seed),
            region: eu.clone(),
            would: Verb::DrainFrontdoor,
            on: WaitingOn::DisruptionBudget { used: 2, max: 2 },
        },
        Waiting {
            item: door(&mut seed),
            region: eu.clone(),
            would: Verb::DrainFrontdoor,
            on: WaitingOn::DisruptionBudget { used: 2, max: 2 },
        },
    ];
    let halts = vec![Halt { region: region("us-west"), role: Role::Ingress, bad: 3, of: 6 }];
    let before = Counts { live: 6, standby: 1, draining: 1, addresses: 12, ..Counts::default() };
    let after = Counts { leaving: 1, draining: 0, addresses: 7, ..before };
    Report {
        changes,
        waits,
        halts,
        pools: pools(before, after),
        survival: [(
            PopulationName::new("ir").unwrap(),
            survival(
                9,
                [("provider", "sim-a", 3), ("ASN", "AS64500", 5), ("prefix", "10.81.3.0/24", 7)],
            ),
        )]
        .into(),
        cost: Cost { now: Usd::from_mills(58_500), then: Usd::from_mills(59_000), limit: None },
        catalogs: published(&mut seed, 1, 6),
    }
}

#[test]
fn a_first_build_is_folded_into_a_screenful() {
    let (report, then) = first_build();
    insta::assert_snapshot!(draw(report, then, false, false));
}

#[test]
fn a_first_build_unfolded_names_every_node() {
    let (report, then) = first_build();
    let nodes: Vec<_> = report.changes.iter().map(|c| c.item.to_string()).collect();
    let text = draw(report, then, true, false);
    assert!(nodes.iter().all(|n| text.contains(n)), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn a_rotation_tells_what_goes_what_waits_and_what_is_halted() {
    insta::assert_snapshot!(draw(rotation(), vec![], false, false));
}

#[test]
fn colours_repeat_what_the_symbols_say() {
    insta::assert_snapshot!(draw(rotation(), vec![], false, true).replace('\x1b', "␛"));
}

#[test]
fn a_plan_with_nothing_to_do_is_one_line() {
    let live = Counts { live: 6, addresses: 12, ..Counts::default() };
    let report = Report {
        pools: pools(live, live),
        cost: Cost { now: Usd::from_mills(58_500), then: Usd::from_mills(58_500), limit: None },
        ..Report::default()
    };
    let text = draw(report, vec![], false, false);
    assert_eq!(text.lines().count(), 1, "{text}");
    insta::assert_snapshot!(text);
}
