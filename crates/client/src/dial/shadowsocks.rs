//! Through a Shadowsocks door (SIP004, SIP022, SIP023).

use std::net::SocketAddr;

use damm_formats::Shadowsocks;
use damm_protocol::evidence::{Ending, Phase, Receipt};
use damm_protocol::{Question, witness_addresses};
use shadowsocks::config::{ServerConfig, ServerType};
use shadowsocks::context::Context;
use shadowsocks::relay::socks5::Address;
use shadowsocks::relay::tcprelay::proxy_stream::ProxyClientStream;

use super::ask::ask as ask_witness;
use super::{Progress, Stopped, ending};

pub async fn ask(
    at: SocketAddr,
    way: &Shadowsocks,
    question: &Question,
    progress: &Progress,
) -> Result<(Option<Receipt>, u64), Stopped> {
    let unspoken = || Stopped { phase: Phase::Connection, ending: Ending::Abandoned, received: 0 };
    let method = way.method.parse().map_err(|_| unspoken())?;
    let config = ServerConfig::new(at, &*way.password, method).map_err(|_| unspoken())?;
    let [witness, _] = witness_addresses();
    let context = Context::new_shared(ServerType::Local);
    let stream = ProxyClientStream::connect(context, &config, Address::from(witness)).await;
    let mut stream = stream.map_err(|e| Stopped {
        phase: Phase::Connection,
        ending: ending(&e),
        received: 0,
    })?;
    progress.reached(Phase::Application, 0);
    ask_witness(&mut stream, question, progress).await
}
