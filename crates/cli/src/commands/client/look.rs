//! Fetching, choosing, and what is known.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use damm_client::{Fetched, Held, Places, Profile, Real, Trial, plan, race};
use damm_fleet::{Asn, Network};
use damm_protocol::evidence::Ending;
use serde_json::json;

use crate::args::Ways;
use crate::clock;
use crate::exit::{Exit, Failure, Result};
use crate::output::Output;
use crate::render::{Line, Style, Table};

/// Where the system's resolver stands (resolv.conf(5)).
const RESOLVERS: &str = "/etc/resolv.conf";

/// Fetches catalogs, and keeps what can be believed.
pub async fn fetch(path: &Path, ways: &Ways, output: &Output) -> Result<Exit> {
    let mut profile = Profile::load(path)?;
    let fetched = fetched(&mut profile, ways).await;
    // What was learned of places is kept whether there is a catalog or not.
    profile.save(path)?;
    let fetched = fetched?;
    let mut page = output.page();
    let doors = profile.ways(clock::now())?.len();
    let news = match fetched.news.is_empty() {
        true => "nothing is new".to_owned(),
        false => format!("{} new", fetched.news.len()),
    };
    let text = format!("{} places asked, {news}; {doors} doors", fetched.asked);
    page.line(Line::of(Style::Good, "✓ ").put(Style::Plain, text));
    for why in &fetched.failures {
        page.line(Line::of(Style::Warn, "! ").put(Style::Plain, why.clone()));
    }
    let value = json!({
        "asked": fetched.asked, "news": fetched.news, "failures": fetched.failures,
        "doors": doors,
    });
    output.result("fetched", value, &page);
    Ok(Exit::Done)
}

/// Fetches into a profile.
pub async fn fetched(profile: &mut Profile, ways: &Ways) -> Result<Fetched> {
    let places = Places { resolver: ways.resolver.or_else(resolver) };
    Ok(damm_client::fetch(profile, &places, clock::now()).await?)
}

/// The first resolver that the system names.
fn resolver() -> Option<SocketAddr> {
    let text = std::fs::read_to_string(RESOLVERS).ok()?;
    let mut named = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    let address: IpAddr = named.find_map(|rest| rest.trim().parse().ok())?;
    Some(SocketAddr::new(address, 53))
}

/// Where the client says that it stands; nobody's network where it says nothing.
pub const fn home(ways: &Ways) -> Network {
    match ways.network {
        Some(network) => network,
        None => Network { country: *b"ZZ", asn: Asn(0) },
    }
}

/// Tries doors, the best first, and says which works.
pub async fn choose(path: &Path, ways: &Ways, output: &Output) -> Result<Exit> {
    let mut profile = Profile::load(path)?;
    let now = clock::now();
    let seed = clock::random()?;
    let seed = u64::from_be_bytes(std::array::from_fn(|i| seed[i]));
    let doors = plan(profile.ways(now)?, profile.doors(), seed, now);
    if doors.is_empty() {
        return Err(Failure::error("there is no catalog that holds").help("damm client fetch"));
    }
    let dial = Real { patience: ways.patience.to_std() };
    let trials = race(&doors, &profile, home(ways), &dial, now).await;
    profile.learn(&trials);
    profile.save(path)?;
    let works = trials.iter().any(|t| t.met.works());
    shown(&trials, works, output);
    Ok(if works { Exit::Done } else { Exit::Error })
}

fn shown(trials: &[Trial], works: bool, output: &Output) {
    let mut page = output.page();
    let mut table = Table::new(&["door", "address", "speaks", "ended", "took"]);
    for Trial { door, met, .. } in trials {
        let shade = if met.works() { Style::Good } else { Style::Dim };
        table.row(vec![
            Line::of(shade, door.id.to_string()),
            Line::plain(SocketAddr::new(door.address, door.port).to_string()),
            Line::plain(door.speaks().to_owned()),
            Line::of(shade, word(met.ending)),
            Line::plain(met.elapsed.to_string()),
        ]);
    }
    table.draw(&mut page);
    if !works {
        page.say("No door lets this client through. `damm client fetch`, and try again; or from");
        page.say("another network.");
    }
    let rows = trials.iter().map(|Trial { door, met, .. }| {
        json!({
            "door": door.id, "address": door.address, "port": door.port,
            "speaks": door.speaks(), "ended": met.ending, "elapsed_ms": met.elapsed.as_millis(),
            "seen": met.receipt.is_some(),
        })
    });
    output.result("chosen", json!({ "doors": rows.collect::<Vec<_>>() }), &page);
}

/// How a trial ended, as reports name it.
pub fn word(ending: Ending) -> String {
    serde_json::to_value(ending)
        .ok()
        .and_then(|v| v.as_str().map(str::to_owned))
        .unwrap_or_default()
}

/// What the client knows.
pub fn status(profile: &Profile, output: &Output) -> Result<Exit> {
    let assignment = profile.assignment()?;
    let now = clock::now();
    let due = damm_client::due(profile, now)?;
    let mut page = output.page();
    page.say(format!("{} of {}", assignment.population, assignment.fleet));
    let mut catalogs = Vec::new();
    for (region, held) in profile.catalogs() {
        let Some(catalog) = Held::catalog(held) else { continue };
        let doors = catalog.fronts.len();
        let text = format!("{region}: version {}, {doors} doors, until ", catalog.version);
        page.line(Line::plain(text).put(Style::Dim, catalog.expires.to_string()));
        let (version, expires) = (catalog.version, catalog.expires);
        catalogs.push(json!({
            "region": region, "version": version, "doors": doors, "expires": expires,
        }));
    }
    page.line(Line::of(Style::Dim, format!("reports next at {due}")));
    let value = json!({
        "fleet": assignment.fleet, "population": assignment.population, "catalogs": catalogs,
        "controllers": profile.controllers, "reports_at": due,
    });
    output.result("client", value, &page);
    Ok(Exit::Done)
}
