//! `damm providers [check|show]`

use std::path::Path;
use std::sync::Arc;

use damm_clouds::{Clock, WallClock};
use damm_fleet::topology::ProviderKind;
use damm_fleet::vendor::Sheet;
use damm_fleet::{Offer, ProviderName, Topology};
use damm_vendors::look::{Place, Quota, Size};
use damm_vendors::registry::{Around, Parts};
use serde::Serialize;
use serde_json::json;

use crate::args::{AskProviders, OneTopology, Providers, ShowProvider};
use crate::exit::{Exit, Failure, Result};
use crate::output::Output;
use crate::render::{Line, Page, Style, Table};
use crate::topology_file::TopologyFile;
use crate::workbench;

/// Lists the kinds, or asks a topology's accounts.
pub async fn run(args: &Providers, output: &Output) -> Result<Exit> {
    match &args.ask {
        None => Ok(kinds(output)),
        Some(AskProviders::Check(args)) => check(args, output).await,
        Some(AskProviders::Show(args)) => show(args, output).await,
    }
}

/// What accounts of a topology in `base` are opened with.
///
/// # Errors
///
/// When the topology's table of autonomous systems can't be read.
pub fn around<'a>(
    topology: &Topology,
    base: &'a Path,
    clock: Arc<dyn Clock>,
) -> Result<Around<'a>> {
    let origins = damm_vendors::origins::table(topology, base)?;
    Ok(Around { base, environment: &|name| std::env::var(name).ok(), origins, clock })
}

/// One kind, as the capability table has it.
#[derive(Serialize)]
struct Kind {
    kind: ProviderKind,
    title: &'static str,
    machines: bool,
    translated: bool,
    addresses: u32,
    movable: bool,
    tagged: bool,
    idempotent: bool,
    user_data: usize,
    dns: Option<&'static str>,
    compare_and_set: bool,
    balancers: Option<&'static str>,
    drains: bool,
    prices: Option<String>,
    settings: Vec<&'static str>,
}

impl Kind {
    fn of(kind: ProviderKind) -> Option<Self> {
        let sheet: &Sheet = kind.sheet()?;
        let capabilities = sheet.offer().capabilities;
        let prices = sheet.machines.as_ref().map(|m| m.prices);
        Some(Self {
            kind,
            title: sheet.title,
            machines: sheet.machines.is_some(),
            translated: capabilities.translated_addresses,
            addresses: capabilities.max_addresses,
            movable: capabilities.movable_addresses,
            tagged: capabilities.tagged_addresses,
            idempotent: capabilities.idempotent_create,
            user_data: capabilities.user_data_limit,
            dns: sheet.dns.map(|d| d.mark),
            compare_and_set: sheet.dns.is_some_and(|d| d.compare_and_set),
            balancers: sheet.balancers.map(|b| b.targets),
            drains: sheet.balancers.is_some_and(|b| b.drains),
            prices: prices.map(|p| format!("{} ({})", p.source, p.date)),
            settings: sheet.settings.iter().map(|s| s.name).collect(),
        })
    }
}

fn kinds(output: &Output) -> Exit {
    let kinds: Vec<_> = ProviderKind::ALL.into_iter().filter_map(Kind::of).collect();
    let mut page = output.page();
    let columns =
        ["Kind", "vendor", "nodes", ">addresses", "move", "tags", ">user data", "dns", "balancers"];
    let mut table = Table::new(&columns);
    for kind in &kinds {
        let yes = |is: bool| if is && kind.machines { "yes" } else { "-" }.to_owned();
        let number = |n: usize, unit: &str| match kind.machines {
            true => format!("{n}{unit}"),
            false => "-".to_owned(),
        };
        let balancers = kind.balancers.map(|_| if kind.drains { "drain" } else { "yes" });
        table.row(vec![
            Line::of(Style::Bold, kind.kind.to_string()),
            Line::plain(kind.title),
            Line::plain(yes(true)),
            Line::plain(number(kind.addresses as usize, "")),
            Line::plain(yes(kind.movable)),
            Line::plain(yes(kind.tagged)),
            Line::plain(number(kind.user_data / 1024, " KiB")),
            Line::plain(kind.dns.map_or("-", |_| "yes")),
            Line::plain(balancers.unwrap_or("-")),
        ]);
    }
    table.draw(&mut page);
    page.gap();
    page.say("addresses: beside a machine's own. move: from one running machine to another. tags:");
    page.say("on addresses; without them the account has to be the fleet's alone. drain: a target");
    page.say("keeps the connections it has. `damm providers --json` tells more.");
    output.result("providers", json!({ "kinds": kinds }), &page);
    Exit::Done
}

/// What one account answered.
#[derive(Serialize)]
struct Checked {
    account: ProviderName,
    kind: ProviderKind,
    error: Option<String>,
    quotas: Vec<Quota>,
    machines: Option<usize>,
    addresses: Option<usize>,
}

async fn check(args: &OneTopology, output: &Output) -> Result<Exit> {
    let file = TopologyFile::read(&args.topology, output)?;
    let base = workbench::base(&file.name);
    let around = around(&file.topology, &base, Arc::new(WallClock))?;
    let mut all = Vec::new();
    for name in file.topology.providers.keys() {
        all.extend(check_one(&file.topology, name, &around).await);
    }
    let good = all.iter().all(|c| c.error.is_none());
    let mut page = output.page();
    all.iter().for_each(|checked| told(&mut page, checked));
    if all.is_empty() {
        page.say("No provider of this topology is at a vendor: there is nothing to check.");
    }
    output.result("providers-checked", json!({ "accounts": all }), &page);
    if good { Ok(Exit::Done) } else { Ok(Exit::Error) }
}

async fn check_one(
    topology: &Topology,
    name: &ProviderName,
    around: &Around<'_>,
) -> Option<Checked> {
    let kind = topology.providers.get(name)?.kind;
    let mut checked = Checked {
        account: name.clone(),
        kind,
        error: None,
        quotas: Vec::new(),
        machines: None,
        addresses: None,
    };
    match damm_vendors::registry::open(topology, name, around) {
        Ok(None) => return None,
        Ok(Some(parts)) => {
            let asked = ask(topology, name, &parts, &mut checked).await;
            checked.error = asked.err().map(|e| e.to_string());
        }
        Err(e) => checked.error = Some(e.to_string()),
    }
    if checked.error.is_none() {
        checked.error = quotas(topology, name, around, &mut checked).await;
    }
    Some(checked)
}

/// Asks whatever the account has; the first refusal ends it.
async fn ask(
    topology: &Topology,
    name: &ProviderName,
    parts: &Parts,
    checked: &mut Checked,
) -> damm_clouds::traits::Result<()> {
    let fleet = &topology.fleet;
    if let Some(cloud) = &parts.cloud {
        checked.machines = Some(cloud.list_machines(fleet).await?.len());
        checked.addresses = Some(cloud.list_addresses(fleet).await?.len());
    }
    if let Some(dns) = &parts.dns {
        for entry in topology.dns.iter().filter(|d| d.provider == *name) {
            dns.list_records(fleet, &entry.zone).await?;
        }
    }
    if let Some(balancer) = &parts.balancer {
        for entry in topology.balancers.iter().filter(|b| b.provider == *name) {
            balancer.list_targets(&entry.name).await?;
        }
    }
    Ok(())
}

/// What the account may hold, where it tells; what went wrong, if anything did.
async fn quotas(
    topology: &Topology,
    name: &ProviderName,
    around: &Around<'_>,
    checked: &mut Checked,
) -> Option<String> {
    let look = match damm_vendors::registry::look(topology, name, around) {
        Ok(look) => look?,
        Err(e) => return Some(e.to_string()),
    };
    match look.quotas().await {
        Ok(quotas) => checked.quotas = quotas,
        Err(e) => return Some(e.to_string()),
    }
    None
}

fn told(page: &mut Page, checked: &Checked) {
    let head = format!("{} ({})", checked.account, checked.kind);
    if let Some(error) = &checked.error {
        let lead = Line::of(Style::Bad, "✗ ").put(Style::Bold, head).put(Style::Plain, ": ");
        page.wrapped(lead, Line::plain(error.clone()));
        return;
    }
    let mut parts = Vec::new();
    parts.extend(checked.machines.map(|n| format!("{n} machines of this fleet")));
    parts.extend(checked.addresses.map(|n| format!("{n} addresses")));
    for quota in &checked.quotas {
        let number = |n: Option<u64>| n.map_or("?".to_owned(), |n| n.to_string());
        let (used, limit) = (number(quota.used), number(quota.limit));
        parts.push(format!("{}: {used} of {limit}", quota.what));
    }
    let said = match parts.is_empty() {
        true => "its credentials are good".to_owned(),
        false => parts.join(", "),
    };
    let lead = Line::of(Style::Good, "✓ ").put(Style::Bold, head).put(Style::Plain, ": ");
    page.wrapped(lead, Line::plain(said));
}

/// A size beside our own table.
#[derive(Serialize)]
struct Priced {
    #[serde(flatten)]
    size: Size,
    listed: Option<damm_fleet::Usd>,
}

async fn show(args: &ShowProvider, output: &Output) -> Result<Exit> {
    let file = TopologyFile::read(&args.topology, output)?;
    let base = workbench::base(&file.name);
    let around = around(&file.topology, &base, Arc::new(WallClock))?;
    let none = |why: &str| Failure::error(format!("`{}` {why}", args.account));
    let provider = file.topology.providers.get(&args.account);
    let provider = provider.ok_or_else(|| none("is no provider of this topology"))?;
    let look = damm_vendors::registry::look(&file.topology, &args.account, &around)?;
    let look = look.ok_or_else(|| {
        none(&format!("is of the kind `{}`, which can't be asked for its sizes", provider.kind))
    })?;
    let asked = |e: damm_clouds::Error| Failure::error(e.to_string());
    let places = look.places().await.map_err(asked)?;
    let sizes = look.sizes().await.map_err(asked)?;
    let listed = Offer::built_in(provider).machines;
    let sizes = sizes.into_iter();
    let priced = sizes.map(|size| Priced { listed: listed.get(&size.name).copied(), size });
    let priced: Vec<_> = priced.collect();
    let mut page = output.page();
    draw(&mut page, &places, &priced);
    let value = json!({ "account": args.account, "places": places, "sizes": priced });
    output.result("provider", value, &page);
    Ok(Exit::Done)
}

fn draw(page: &mut Page, places: &[Place], sizes: &[Priced]) {
    let mut table = Table::new(&["Place", ""]);
    for place in places {
        table
            .row(vec![Line::of(Style::Bold, place.name.clone()), Line::plain(place.title.clone())]);
    }
    table.draw(page);
    page.gap();
    let mut table = Table::new(&["Size", ">cores", ">MiB", ">now", ">planned with"]);
    for Priced { size, listed } in sizes {
        table.row(vec![
            Line::of(Style::Bold, size.name.clone()),
            Line::plain(size.cores.to_string()),
            Line::plain(size.memory.to_string()),
            Line::plain(size.price.clone().unwrap_or_else(|| "-".to_owned())),
            Line::plain(listed.map_or_else(|| "-".to_owned(), |p| p.to_string())),
        ]);
    }
    table.draw(page);
    page.gap();
    page.say(
        "A price that the topology's `prices` say is planned with instead of the built-in one.",
    );
}
