//! `damm catalog show`, `damm catalog verify`

use std::path::Path;

use damm_catalog::{Catalog, Envelope, Expected, MAX_ENVELOPE, Refusal, Root, Seen, Verifier};
use damm_fleet::Timestamp;
use serde_json::json;

use crate::args::{CatalogShow, CatalogVerify};
use crate::clock;
use crate::commands::show::Facts;
use crate::exit::{Exit, Failure, Result};
use crate::output::Output;
use crate::render::{Line, Page, Style, Table};

/// Prints what a catalog file says, whoever signed it.
pub fn show(args: &CatalogShow, output: &Output) -> Result<Exit> {
    let (envelope, catalog) = unsealed(&bytes(&args.file)?)
        .map_err(|r| Failure::error(format!("{}: {r}", args.file.display())))?;
    let signers: Vec<&str> = envelope.signatures.iter().map(|s| s.keyid.as_str()).collect();
    let mut page = output.page();
    body(&mut page, &catalog, clock::now());
    page.gap();
    page.say(format!("signed by {}; not verified here", signers.join(", ")));
    output.result("catalog", json!({ "catalog": catalog, "signed_by": signers }), &page);
    Ok(Exit::Done)
}

fn unsealed(bytes: &[u8]) -> std::result::Result<(Envelope, Catalog), Refusal> {
    let envelope = Envelope::from_bytes(bytes)?;
    envelope.holds(Catalog::PAYLOAD_TYPE)?;
    let catalog = Catalog::from_bytes(&envelope.payload)?;
    Ok((envelope, catalog))
}

/// Checks a catalog file as a client does.
pub fn verify(args: &CatalogVerify, output: &Output) -> Result<Exit> {
    let now = args.at.unwrap_or_else(clock::now);
    let verifier = trusted(&args.root)?;
    let seen = args.seen.as_deref().map(seen).transpose()?.flatten();
    let catalog = verifier
        .verify(&bytes(&args.file)?, now, seen.as_ref())
        .map_err(|r| refused(&args.file, &r))?;
    if let Some(path) = &args.seen {
        let text = serde_json::to_vec_pretty(&catalog.seen()).map_err(Failure::error)?;
        std::fs::write(path, text).map_err(|e| Failure::io("write", path, &e))?;
    }
    let mut page = output.page();
    page.line(Line::of(Style::Good, "✓ ").put(
        Style::Plain,
        format!("signed for {} under root version {}", catalog.fleet, verifier.root().version),
    ));
    body(&mut page, &catalog, now);
    let value =
        json!({ "verified": true, "root_version": verifier.root().version, "catalog": catalog });
    output.result("catalog", value, &page);
    Ok(Exit::Done)
}

/// The root that clients know; its own fleet is the one that is wanted.
pub(super) fn trusted(path: &Path) -> Result<Verifier> {
    let bytes = bytes(path)?;
    let fleet = Envelope::from_bytes(&bytes)
        .and_then(|e| e.holds(Root::PAYLOAD_TYPE).and_then(|()| Root::from_bytes(&e.payload)))
        .map(|root| root.fleet)
        .map_err(|r| refused(path, &r))?;
    Verifier::trust(&bytes, Expected::fleet(&fleet)).map_err(|r| refused(path, &r))
}

pub(super) fn refused(path: &Path, refusal: &Refusal) -> Failure {
    Failure::new(Exit::Refused, format!("{}: {refusal}", path.display()))
        .rule("catalogs are taken only when verified")
}

fn seen(path: &Path) -> Result<Option<Seen>> {
    match std::fs::read(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Failure::io("read", path, &e)),
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|e| {
            Failure::error(format!("{}: not what was kept of a catalog: {e}", path.display()))
        }),
    }
}

/// A file's bytes; one more than can be an envelope is enough to refuse it.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>> {
    use std::io::Read;
    let io = |e: std::io::Error| Failure::io("read", path, &e);
    let file = std::fs::File::open(path).map_err(io)?;
    let mut bytes = Vec::new();
    file.take(MAX_ENVELOPE as u64 + 1).read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}

fn body(page: &mut Page, catalog: &Catalog, now: Timestamp) {
    let mut facts = Facts::new();
    facts.add("fleet", catalog.fleet.clone());
    facts.add("region", catalog.region.as_str());
    facts.add("audience", catalog.audience.to_string());
    facts.add("version", catalog.version.to_string());
    facts.at("holds from", catalog.not_before, now);
    facts.at("expires", catalog.expires, now);
    facts.add("contents", catalog.contents_digest());
    facts.draw(page);
    page.gap();
    let mut table = Table::new(&["front door", "address", "transport"]).indent(2);
    for front in &catalog.fronts {
        let address = std::net::SocketAddr::new(front.address, front.port);
        table.row(vec![
            Line::of(Style::Accent, front.id.to_string()),
            Line::plain(address.to_string()),
            Line::plain(front.transport.clone()),
        ]);
    }
    table.draw(page);
}
