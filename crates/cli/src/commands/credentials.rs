//! `damm credentials new|list|revoke`

use damm_protocol::{ClientSecret, CredentialId, Secret32};
use damm_store::{Access, Store};
use serde_json::json;

use crate::args::{Credentials, Global, Revoke};
use crate::commands::verdicts::actor;
use crate::exit::{Exit, Failure, Result};
use crate::output::Output;
use crate::render::{Line, Style};
use crate::{clock, state};

/// Makes, lists and revokes what clients prove themselves with.
pub async fn run(wanted: &Credentials, global: &Global, output: &Output) -> Result<Exit> {
    let path = state::path(global.state.as_deref(), None)?;
    // Reading first: a mistyped path must not make a new state.
    let store = Store::open(&path, Access::Read).await?;
    if let Credentials::List = wanted {
        let listed = list(&store, output).await;
        store.close().await?;
        return listed;
    }
    store.close().await?;
    let store = Store::open(&path, Access::Write).await?;
    let done = match wanted {
        Credentials::Revoke(args) => revoke(args, &store, output).await,
        _ => new(&store, output).await,
    };
    store.close().await?;
    done
}

async fn new(store: &Store, output: &Output) -> Result<Exit> {
    let next = store.next_credential().await?;
    let id = next.ok_or_else(|| Failure::error("all numbers of credentials are used"))?;
    let secret = ClientSecret::new(Secret32::new(clock::random()?));
    store.add_credential(&secret.credential(id)).await?;
    let detail = json!({ "number": id });
    store.audit(&actor(), "credential made", &detail, clock::now()).await?;
    // The one moment at which it is anywhere but with its client: as JSON in either case, to be
    // piped to where it belongs.
    let addresses = id.addresses();
    let value = json!({
        "kind": "credential",
        "version": crate::output::FORMAT,
        "number": id,
        "secret": secret.expose().expose(),
        "addresses": [addresses.v4, addresses.v6],
    });
    output.raw(&format!("{value:#}\n"));
    Ok(Exit::Done)
}

async fn list(store: &Store, output: &Output) -> Result<Exit> {
    let credentials = store.credentials().await?;
    let numbers: Vec<u32> = credentials.iter().map(|c| c.id.number()).collect();
    let mut page = output.page();
    numbers.iter().for_each(|n| page.say(n.to_string()));
    if numbers.is_empty() {
        page.say("No client is let in yet. `damm credentials new` makes a credential.");
    }
    output.result("credentials", json!({ "credentials": numbers }), &page);
    Ok(Exit::Done)
}

async fn revoke(args: &Revoke, store: &Store, output: &Output) -> Result<Exit> {
    let known = store.credentials().await?.iter().any(|c| c.id.number() == args.number);
    let id = CredentialId::new(args.number).filter(|_| known).ok_or_else(|| {
        Failure::error(format!("there is no credential {}", args.number))
            .help("damm credentials list")
    })?;
    store.revoke_credential(id).await?;
    let detail = json!({ "number": id });
    store.audit(&actor(), "credential revoked", &detail, clock::now()).await?;
    let mut page = output.page();
    let text = format!("credential {} is revoked, as soon as the controller runs", args.number);
    page.line(Line::of(Style::Good, "✓ ").put(Style::Plain, text));
    output.result("credential-revoked", json!({ "number": id }), &page);
    Ok(Exit::Done)
}
