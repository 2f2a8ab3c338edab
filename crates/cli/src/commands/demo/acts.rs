//! The play.

use damm_fleet::{FrontdoorId, NodeId, Span, Subject, Verb};
use damm_planner::{Changed, Decision, Item};

use super::Stage;
use super::client;
use super::crowd::Crowd;
use super::theatre::Theatre;
use crate::exit::{Failure, Result};
use crate::render::{Line, Style, when};

/// While something is being made.
const QUICK: Span = Span::from_secs(20);
/// While sessions drain and catalogs expire.
const SLOW: Span = Span::from_mins(30);
/// While nothing but age goes on; catalogs are renewed every six hours.
const CALM: Span = Span::from_hours(2);

/// While clients lie.
const SLANDER: Span = Span::from_mins(5);
/// So often that an egress rotation falls between two renewals.
const OFTEN: Span = Span::from_mins(30);

/// What is made stands by then.
const SOON: Span = Span::from_hours(1);
/// Where a door fails everywhere at once, it takes clients longer to tell it from one that is down.
const HOURS: Span = Span::from_hours(3);
/// Drains, and catalogs that name what drained, end by then.
const DRAINS: Span = Span::from_days(2);
/// An egress address grows old by then.
const LIMIT: Span = Span::from_days(25);

/// Plays all acts.
pub async fn play(theatre: &mut Theatre<'_>, stage: &Stage) -> Result<()> {
    build(theatre, stage).await?;
    clients_come(theatre).await?;
    blocked_for_some(theatre).await?;
    burned(theatre).await?;
    liars(theatre).await?;
    a_server_dies(theatre).await?;
    age(theatre, stage).await?;
    egress(theatre, stage).await
}

async fn build(theatre: &mut Theatre<'_>, stage: &Stage) -> Result<()> {
    theatre.act_title("An empty fleet is built");
    let built = |t: &Theatre<'_>, _: &[Changed]| {
        let target = t.bench.engine.blueprint();
        !target.catalogs.is_empty() && target.nodes.values().all(|n| n.stage.is_live())
    };
    theatre.act_until(QUICK, SOON, built).await?;
    let (doors, _) = in_service(theatre).await?;
    let took = when::short(theatre.elapsed());
    theatre.good(format!("{doors} front doors after {took}, each probed before it was told"));
    // From here on every population has what it needs, and has to keep it.
    theatre.fewest = None;
    verify(theatre, stage)
}

/// Every client's catalog is verified as the client does it.
fn verify(theatre: &Theatre<'_>, stage: &Stage) -> Result<()> {
    let root = stage.dir.join("keys/root.json");
    let fleet = &theatre.bench.engine.topology().fleet;
    let catalogs = client::verified(&stage.published(), &root, fleet, theatre.now())?;
    let doors = catalogs.iter().map(|c| c.fronts.len()).max().unwrap_or(0);
    let signed = format!("{} catalogs verify under the offline root", catalogs.len());
    theatre.good(format!("{signed}, {doors} doors in each"));
    Ok(())
}

async fn clients_come(theatre: &mut Theatre<'_>) -> Result<()> {
    theatre.act_title("Clients come");
    let crowd = Crowd::come(theatre.bench).await?;
    let many = crowd.len();
    theatre.crowd = Some(crowd);
    quietly(theatre, Span::from_hours(18)).await?;
    become_known(theatre).await?;
    let (doors, sessions) = in_service(theatre).await?;
    theatre
        .say(format!("{sessions} sessions through {doors} front doors, counted and never logged"));
    theatre.say(format!(
        "{many} clients say twice an hour which of their doors work, with receipts for it"
    ));
    Ok(())
}

/// One country's censor stops packets to a door: it is withheld there, and replaced.
async fn blocked_for_some(theatre: &mut Theatre<'_>) -> Result<()> {
    theatre.act_title("A censor blocks a front door in Iran");
    let door = best_known(theatre, "iran")?;
    bad(theatre, format!("{door} stops answering in Iran, and only there"));
    crowd(theatre)?.censor(door, *b"IR");
    noticed(theatre, door).await?;
    theatre.good("the new one stood first, and nobody connected was cut off");
    released(theatre, door).await
}

/// A door is blocked for everybody.
async fn burned(theatre: &mut Theatre<'_>) -> Result<()> {
    theatre.act_title("Another one is blocked for everybody");
    quietly(theatre, Span::from_hours(14)).await?;
    become_known(theatre).await?;
    let door = best_known(theatre, "turkmenistan")?;
    bad(theatre, format!("{door} is blocked for every population"));
    let countries = [*b"IR", *b"TM"];
    countries.into_iter().try_for_each(|c| crowd(theatre).map(|crowd| crowd.censor(door, c)))?;
    noticed(theatre, door).await?;
    released(theatre, door).await
}

/// Waits until clients' reports say that a door is blocked, and until it is drained for that.
async fn noticed(theatre: &mut Theatre<'_>, door: FrontdoorId) -> Result<()> {
    let since = theatre.now();
    let somewhere =
        |t: &Theatre<'_>, _: &[Changed]| t.crowd.as_ref().is_some_and(|c| c.is_blocked(door));
    let decided = theatre.act_until(QUICK, HOURS, somewhere).await?;
    let took = when::short(theatre.now().since(since));
    theatre
        .good(format!("{took} after the first packet was lost, and nobody was asked but clients"));
    if !decided.iter().any(|c| is_drain_of(c, door)) {
        let drains =
            |_: &Theatre<'_>, decided: &[Changed]| decided.iter().any(|c| is_drain_of(c, door));
        theatre.act_until(QUICK, SOON, drains).await?;
    }
    Ok(())
}

/// Some clients are a censor's, and say together that a good door fails.
async fn liars(theatre: &mut Theatre<'_>) -> Result<()> {
    theatre.act_title("Three of ten clients lie");
    become_known(theatre).await?;
    let door = best_known(theatre, "iran")?;
    let (liars, all) = (crowd(theatre)?.liars(), crowd(theatre)?.len());
    bad(theatre, format!("{liars} of {all} say from now on that {door} fails, which it does not"));
    crowd(theatre)?.slander(Some(door));
    let decided = theatre.live(SLANDER, Span::from_hours(8)).await?;
    crowd(theatre)?.slander(None);
    let believed = decided.iter().any(|c| c.item == Item::Subject(door.into()));
    match believed {
        true => Err(Failure::error(format!("liars were believed: {door} is replaced"))
            .help("please report this, with --seed")),
        false => {
            theatre.good("eight hours later it serves as before, and nothing was replaced for it");
            Ok(())
        }
    }
}

/// Lets clients report for a while, so that the detector knows what is usual.
async fn become_known(theatre: &mut Theatre<'_>) -> Result<()> {
    let loud = std::mem::replace(&mut theatre.loud, false);
    let lived = theatre.live(Span::from_mins(5), Span::from_hours(6)).await;
    theatre.loud = loud;
    lived.map(drop)
}

/// Waits until a draining door was seen gone.
async fn released(theatre: &mut Theatre<'_>, door: FrontdoorId) -> Result<()> {
    let since = theatre.now();
    let gone =
        move |t: &Theatre<'_>, _: &[Changed]| t.bench.engine.blueprint().frontdoor(door).is_none();
    theatre.act_until(SLOW, DRAINS, gone).await?;
    let took = when::short(theatre.now().since(since));
    theatre.good(format!("gone after {took}: no session was on it, and no catalog named it"));
    Ok(())
}

async fn a_server_dies(theatre: &mut Theatre<'_>) -> Result<()> {
    theatre.act_title("A server dies");
    quietly(theatre, Span::from_hours(8)).await?;
    let node = a_node(theatre)?;
    let killed = theatre.bench.providers.world.kill_machine(node).await;
    killed.map_err(|e| Failure::error(format!("the embedded cloud can't be written: {e}")))?;
    crowd(theatre)?.lose(node);
    bad(theatre, format!("{node} falls silent"));
    let gone = move |t: &Theatre<'_>, _: &[Changed]| {
        let target = t.bench.engine.blueprint();
        !target.nodes.contains_key(&node) && target.nodes.values().all(|n| n.stage.is_live())
    };
    theatre.act_until(Span::from_mins(4), DRAINS, gone).await?;
    let (doors, _) = in_service(theatre).await?;
    theatre.good(format!("{doors} front doors in service, and one server warm beside them"));
    Ok(())
}

/// Every front door grows old, and no two at the same time.
async fn age(theatre: &mut Theatre<'_>, stage: &Stage) -> Result<()> {
    theatre.act_title("Front doors grow old");
    let before = theatre.decided.clone();
    quietly(theatre, Span::from_days(6)).await?;
    let since = |words: &str| {
        let count = |d: &std::collections::BTreeMap<String, usize>| d.get(words).copied();
        count(&theatre.decided).unwrap_or(0) - count(&before).unwrap_or(0)
    };
    theatre.say(format!(
        "{} replaced, {} addresses given back, catalogs renewed {} times",
        since("drainFrontdoor"),
        since("releaseFrontdoor"),
        since("publishEndpointCatalog"),
    ));
    let fewest = theatre.fewest.unwrap_or(0);
    theatre.good(format!("no population ever had fewer than {fewest} front doors"));
    verify(theatre, stage)
}

/// The egress rotates, and no client can tell.
async fn egress(theatre: &mut Theatre<'_>, stage: &Stage) -> Result<()> {
    theatre.act_title("The egress rotates, and no client can tell");
    theatre.loud = false;
    let dir = stage.published();
    let end = theatre.now() + LIMIT;
    while theatre.now() < end {
        let before = client::digest(&dir)?;
        let decided = theatre.act().await?;
        let drained = decided.iter().find(|c| is(c, Verb::DrainEgressIp));
        // Where a renewal falls into the same moment, the next address shows it as well.
        if let Some(drained) = drained.filter(|_| !has(&decided, Verb::PublishEndpointCatalog)) {
            return rotated(theatre, stage, &before, drained).await;
        }
        theatre.clock.advance(OFTEN);
    }
    Err(Failure::error("the play got stuck: no egress address grew old"))
}

async fn rotated(
    theatre: &mut Theatre<'_>,
    stage: &Stage,
    before: &str,
    drained: &Changed,
) -> Result<()> {
    let after = client::digest(&stage.published())?;
    let text = Line::of(Style::Bold, "drainEgressIp ").put(Style::Accent, drained.item.to_string());
    let text = text.put(Style::Dim, format!("  {}", drained.why));
    theatre.line(Line::of(Style::Warn, "~ "), text);
    theatre.say(format!("all published bytes before  {}", &before[..32]));
    theatre.say(format!("                     after   {}", &after[..32]));
    if after != before {
        let rule = damm_planner::Rule::EgressInvisible;
        return Err(Failure::error("what clients are told has changed").rule(rule));
    }
    theatre.good("the same bytes");
    let Item::Subject(Subject::EgressIp(ip)) = drained.item else {
        return Ok(());
    };
    let gone = move |t: &Theatre<'_>, _: &[Changed]| {
        let target = t.bench.engine.blueprint();
        target.nodes.values().all(|n| !n.egress_ips.contains_key(&ip))
    };
    theatre.act_until(SLOW, DRAINS, gone).await?;
    theatre.good(format!("{ip} went back once its last session had ended"));
    Ok(())
}

/// Lets time pass without telling of it.
async fn quietly(theatre: &mut Theatre<'_>, span: Span) -> Result<()> {
    let loud = std::mem::replace(&mut theatre.loud, false);
    let lived = theatre.live(CALM, span).await;
    theatre.loud = loud;
    lived.map(drop)
}

fn is(change: &Changed, verb: Verb) -> bool {
    change.decision == Decision::Act { verb }
}

fn has(decided: &[Changed], verb: Verb) -> bool {
    decided.iter().any(|c| is(c, verb))
}

fn is_drain_of(change: &Changed, door: FrontdoorId) -> bool {
    is(change, Verb::DrainFrontdoor) && change.item == Item::Subject(door.into())
}

/// The clients, who have come by now.
fn crowd<'a>(theatre: &'a mut Theatre<'_>) -> Result<&'a mut Crowd> {
    let crowd = theatre.crowd.as_mut();
    crowd.ok_or_else(|| Failure::error("the play got stuck: there are no clients"))
}

/// The door in service that most catalogs of a population name.
fn best_known(theatre: &mut Theatre<'_>, population: &str) -> Result<FrontdoorId> {
    let bench = theatre.bench;
    crowd(theatre)?.best_known(population, bench)
}

fn bad(theatre: &Theatre<'_>, text: String) {
    theatre.line(Line::of(Style::Bad, "✗ "), Line::plain(text));
}

/// Front doors that clients may be told of, and sessions through them.
async fn in_service(theatre: &Theatre<'_>) -> Result<(usize, u64)> {
    let target = theatre.bench.engine.blueprint();
    let doors = target.nodes.values().flat_map(|n| n.served_doors()).count();
    let inventory = theatre.bench.engine.inventory().await?;
    Ok((doors, inventory.frontdoors.values().map(|d| d.sessions).sum()))
}

fn a_node(theatre: &Theatre<'_>) -> Result<NodeId> {
    let target = theatre.bench.engine.blueprint();
    let node = target.nodes.values().rfind(|n| n.serves()).map(|n| n.id);
    node.ok_or_else(|| Failure::error("the play got stuck: no node is in service"))
}
