//! Serving clients while the controller works, and hearing what they report.

use std::path::Path;
use std::sync::Arc;

use damm_fleet::{Source, State, Verdict};
use damm_server::clients::Certificate;
use damm_server::{ClientParts, ClientsEndpoint, Served, Watch, WatchParts};

use crate::args::ClientsAt;
use crate::exit::{Failure, Result};
use crate::progress::Progress;
use crate::render::{Line, Style};
use crate::workbench::Workbench;
use crate::{clock, state};

/// Clients that are served.
pub struct Clients {
    served: Served,
    watch: Arc<Watch>,
}

impl Clients {
    /// Looks at the fleet and judges what was reported, when it is time; answers whether a verdict
    /// changed. Nothing else may be carried out meanwhile.
    ///
    /// # Errors
    ///
    /// Failures of the store.
    pub async fn look(&self, bench: &Workbench) -> Result<bool> {
        if !self.watch.is_due() {
            return Ok(false);
        }
        let inventory = bench.engine.inventory().await?;
        // Agents that can't be asked say nothing new.
        let words = bench.providers.agents.reports().await.unwrap_or_default();
        Ok(self.watch.look(&bench.engine.blueprint(), &inventory, &words).await?)
    }

    /// Answers nobody any more, and keeps what was heard.
    pub async fn stop(self) {
        self.served.stop().await;
        self.watch.close().await;
    }
}

/// Listens for clients, where that is wanted.
///
/// # Errors
///
/// When the address can't be listened on, or the certificate can't be used.
pub async fn serve(
    bench: &Workbench,
    at: &ClientsAt,
    progress: &Progress,
) -> Result<Option<Clients>> {
    let Some(address) = at.clients else {
        remind(bench, progress).await?;
        return Ok(None);
    };
    let certificate = certificate(at)?;
    if certificate.is_none() && !at.plain && !address.ip().is_loopback() {
        return Err(bare(address));
    }
    let direct = certificate.is_some();
    let watch = watch(bench).await?;
    let endpoint = ClientsEndpoint::new(ClientParts {
        store: bench.store().clone(),
        topology: bench.engine.topology().clone(),
        base: bench.base.clone(),
        keys: bench.keys.clone(),
        clock: bench.clock.clone(),
        agents: bench.agents.clone(),
        watch: watch.clone(),
        direct,
        settings: damm_formats::Settings::default(),
    });
    let served = endpoint.serve(address, certificate).await?;
    let text = format!("clients are served at {}", served.address());
    progress.say(&Line::of(Style::Dim, "… ").put(Style::Dim, text));
    Ok(Some(Clients { served, watch }))
}

/// What clients reported stands for good where nobody hears whether it is still so.
async fn remind(bench: &Workbench, progress: &Progress) -> Result<()> {
    let verdicts = bench.store().verdicts().await?;
    let told = |v: &Verdict| v.source == Source::Clients && v.state == State::Blocked;
    let doors = verdicts.0.keys().filter(|door| verdicts.of(**door).any(|(_, v)| told(v)));
    let count = doors.count();
    if count > 0 {
        let text = format!(
            "held to be blocked by what clients reported: {count} of the front doors; without \
             --clients nobody hears that they work again"
        );
        progress.say(&Line::of(Style::Warn, "! ").put(Style::Plain, text));
    }
    Ok(())
}

fn bare(address: std::net::SocketAddr) -> Failure {
    let text = format!(
        "clients would be served at {address} without TLS: anybody on the way would read their \
         secrets"
    );
    Failure::error(text).help(
        "give --clients-tls-cert and --clients-tls-key; or --clients-plain, if nobody but a \
         proxy of yours reaches it",
    )
}

/// What hears reports, and knows all clients.
///
/// # Errors
///
/// Failures of the store, and a table of networks that can't be read.
pub async fn watch(bench: &Workbench) -> Result<Arc<Watch>> {
    let origins = damm_vendors::origins::table(bench.engine.topology(), &bench.base)?;
    let watch = Watch::open(WatchParts {
        store: bench.store().clone(),
        topology: bench.engine.topology().clone(),
        keys: bench.keys.clone(),
        clock: bench.clock.clone(),
        file: state::scores(&bench.state),
        origins,
        key: clock::random()?,
    });
    watch.meet().await?;
    Ok(watch)
}

fn certificate(at: &ClientsAt) -> Result<Option<Certificate>> {
    let (Some(chain), Some(key)) = (&at.certificate, &at.key) else {
        return Ok(None);
    };
    let read = |path: &Path| std::fs::read(path).map_err(|e| Failure::io("read", path, &e));
    Ok(Some(Certificate::from_pem(&read(chain)?, &read(key)?)?))
}
