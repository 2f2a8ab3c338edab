//! `damm invitations new|list|revoke`

use damm_assign::trust::{Level, Rate};
use damm_protocol::InvitationCode;
use damm_server::clients::Invitation;
use damm_store::{Access, Store};
use serde_json::json;

use crate::args::{Global, Invitations, NewInvitation, RevokeInvitation};
use crate::commands::verdicts::actor;
use crate::exit::{Exit, Failure, Result};
use crate::output::Output;
use crate::render::{Line, Style, Table};
use crate::topology_file::TopologyFile;
use crate::{clock, state};

/// Symbols of an invitation's hash that name it.
const NAME: usize = 12;

/// Makes, lists and revokes what lets clients enrol.
pub async fn run(wanted: &Invitations, global: &Global, output: &Output) -> Result<Exit> {
    let path = state::path(global.state.as_deref(), None)?;
    // Reading first: a mistyped path must not make a new state.
    let store = Store::open(&path, Access::Read).await?;
    if let Invitations::List = wanted {
        let listed = list(&store, output).await;
        store.close().await?;
        return listed;
    }
    store.close().await?;
    // A controller that runs need not be stopped for it: it keeps nothing of this in memory.
    let store = match Store::open(&path, Access::Write).await {
        Err(damm_store::Error::InUse { .. }) => Store::open(&path, Access::Beside).await?,
        opened => opened?,
    };
    let done = match wanted {
        Invitations::New(args) => new(args, &store, output).await,
        Invitations::Revoke(args) => revoke(args, &store, output).await,
        Invitations::List => Ok(Exit::Done),
    };
    store.close().await?;
    done
}

async fn new(args: &NewInvitation, store: &Store, output: &Output) -> Result<Exit> {
    known(args, store, output).await?;
    let drawn = clock::random()?;
    let code = InvitationCode::new(std::array::from_fn(|i| drawn[i]));
    let (hash, now) = (code.hash(), clock::now());
    let invitation = Invitation {
        population: args.population.clone(),
        level: Level::new(args.trust).map_err(Failure::error)?,
        left: args.uses,
        made_at: now,
        expires_at: now + args.expires,
        revoked: false,
        rate: Rate::default(),
    };
    store.put_invitation(&hash, &invitation).await?;
    let (name, population) = (name(&hash), &args.population);
    let detail = json!({ "invitation": name, "population": population, "uses": args.uses });
    store.audit(&actor(), "invitation made", &detail, now).await?;
    // As JSON in either case, as credentials are: it is to be piped to where it belongs.
    let value = json!({
        "kind": "invitation",
        "version": crate::output::FORMAT,
        "name": name,
        "population": population,
        "invitation": code.expose().as_str(),
        "uses": args.uses,
        "trust": invitation.level,
        "expires_at": invitation.expires_at,
    });
    output.raw(&format!("{value:#}\n"));
    Ok(Exit::Done)
}

/// Refuses a population that the topology, as it was last planned from, does not have.
async fn known(args: &NewInvitation, store: &Store, output: &Output) -> Result<()> {
    let Some((name, text)) = store.topology().await? else {
        return Ok(());
    };
    let populations = TopologyFile::of(&name, text, output)?.topology.populations;
    if populations.contains_key(&args.population) {
        return Ok(());
    }
    let all: Vec<&str> = populations.keys().map(|p| p.as_str()).collect();
    let message = format!("the topology has no population {}", args.population);
    Err(Failure::error(message).help(format!("give one of: {}", all.join(", "))))
}

fn name(hash: &str) -> &str {
    hash.get(..NAME).unwrap_or(hash)
}

async fn list(store: &Store, output: &Output) -> Result<Exit> {
    let all = store.invitations::<Invitation>().await?;
    let (now, mut page) = (clock::now(), output.page());
    let mut table = Table::new(&["invitation", "population", "trust", "left", "until"]);
    let mut rows = Vec::new();
    for (hash, invitation) in &all {
        let holds = invitation.holds(now);
        let until = match invitation.revoked {
            true => "revoked".to_owned(),
            false => invitation.expires_at.to_string(),
        };
        let shade = if holds { Style::Plain } else { Style::Dim };
        table.row(vec![
            Line::of(if holds { Style::Accent } else { Style::Dim }, name(hash)),
            Line::of(shade, invitation.population.to_string()),
            Line::of(shade, invitation.level.to_string()),
            Line::of(shade, invitation.left.to_string()),
            Line::of(shade, until),
        ]);
        rows.push(json!({ "name": name(hash), "holds": holds, "invitation": invitation }));
    }
    match all.is_empty() {
        true => page.say("There is no invitation. `damm invitations new` makes one."),
        false => table.draw(&mut page),
    }
    output.result("invitations", json!({ "invitations": rows }), &page);
    Ok(Exit::Done)
}

async fn revoke(args: &RevokeInvitation, store: &Store, output: &Output) -> Result<Exit> {
    let all = store.invitations::<Invitation>().await?;
    let wanted = args.invitation.as_str();
    let mut found = all.into_iter().filter(|(hash, _)| hash.starts_with(wanted));
    let (Some((hash, _)), None) = (found.next(), found.next()) else {
        let message = format!("there is no one invitation {wanted}");
        return Err(Failure::error(message).help("damm invitations list"));
    };
    store.revoke_invitation(&hash).await?;
    let detail = json!({ "invitation": name(&hash) });
    store.audit(&actor(), "invitation revoked", &detail, clock::now()).await?;
    let mut page = output.page();
    let text = format!("invitation {} lets nobody in any more", name(&hash));
    page.line(Line::of(Style::Good, "✓ ").put(Style::Plain, text));
    output.result("invitation-revoked", detail, &page);
    Ok(Exit::Done)
}
