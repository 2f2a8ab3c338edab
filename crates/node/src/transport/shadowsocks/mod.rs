//! Shadowsocks 2022 with one key per client (SIP022, SIP023; cipher 2022-blake3-aes-256-gcm), as a
//! process of its own: `damm node shadowsocks --config FILE`.
//!
//! It names neither clients nor destinations anywhere. It reads its file again on SIGHUP: who is
//! new there may connect, who is gone can't begin anything more, and what stands goes on.

mod message;
mod names;
mod outward;
mod refused;
mod settings;
mod shared;
mod steady;
mod tcp;
mod udp;
mod users;
mod window;

use std::path::Path;
use std::sync::Arc;

use shadowsocks::config::ServerType;
use shadowsocks::context::{Context, SharedContext};
use shadowsocks::crypto::CipherKind;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use self::names::Names;
use self::outward::Outward;
pub(crate) use self::settings::Settings;
use self::users::{Quota, Users};
use crate::service::{ServiceError, files};
use crate::transport::listening;

/// The cipher, as clients' settings name it.
pub const METHOD: &str = "2022-blake3-aes-256-gcm";

const CIPHER: CipherKind = CipherKind::AEAD2022_BLAKE3_AES_256_GCM;

/// What all connections of one version of the settings share.
#[derive(Clone)]
struct Current {
    users: Arc<Users>,
    names: Arc<Names>,
    key: [u8; 32],
}

/// What outlives all versions: what was seen of late, for refusing replays, and how much each user
/// has.
#[derive(Clone)]
struct Server {
    context: SharedContext,
    current: watch::Receiver<Current>,
    connections: Quota,
    associations: Quota,
}

/// Serves clients until it is told to end (SIGTERM).
///
/// # Errors
///
/// When the file can't be read or the port is another's.
pub async fn serve(config: &Path) -> Result<(), ServiceError> {
    let settings: Settings = files::settings(config)?;
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(ServiceError::Random)?;
    let failed = |e| ServiceError::field(config, "port", e);
    let tcp = listening::listen(settings.port).map_err(failed)?;
    let udp = shared::bind(settings.port).map_err(failed)?;
    let (news, current) = watch::channel(Current::new(secret, &settings));
    let context = Context::new_shared(ServerType::Server);
    let (connections, associations) = (Quota::default(), Quota::default());
    let server = Server { context, current, connections, associations };
    tokio::select! {
        () = tcp::serve(server.clone(), tcp) => Ok(()),
        () = udp::serve(server, udp) => Ok(()),
        ended = follow(config, secret, &news) => ended,
    }
}

/// Reads the file again whenever it is told to; ends when it is told to end. A file that can't be
/// read is passed over: the agent wrote it whole, or will.
async fn follow(
    config: &Path,
    secret: [u8; 32],
    news: &watch::Sender<Current>,
) -> Result<(), ServiceError> {
    let failed = |e| ServiceError::Command { command: "sigaction".into(), why: format!("{e}") };
    let caught = |kind| signal(kind).map_err(failed);
    let mut again = caught(SignalKind::hangup())?;
    let (mut end, mut interrupt) =
        (caught(SignalKind::terminate())?, caught(SignalKind::interrupt())?);
    loop {
        tokio::select! {
            _ = again.recv() => match files::settings::<Settings>(config) {
                Ok(settings) => drop(news.send(Current::new(secret, &settings))),
                Err(error) => tracing::error!("{error}"),
            },
            _ = end.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
        }
    }
}

impl Current {
    fn new(secret: [u8; 32], settings: &Settings) -> Self {
        let outward = Outward::new(secret, settings);
        let names = Names { outward, resolvers: settings.resolvers.clone() };
        Self {
            users: Arc::new(Users::new(settings)),
            names: Arc::new(names),
            key: *settings.server_key.as_bytes(),
        }
    }
}

impl Server {
    fn now(&self) -> Current {
        self.current.borrow().clone()
    }
}
