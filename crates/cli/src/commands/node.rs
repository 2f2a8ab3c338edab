//! `damm node …`: what runs on servers.

use damm_node::transport::{relay, shadowsocks};
use damm_node::wireguard;

use crate::args::Node;
use crate::exit::{Exit, Failure, Result};

/// Serves until it is told to end.
pub async fn run(args: &Node) -> Result<Exit> {
    match args {
        Node::Wireguard(args) => wireguard::serve(&args.interface).await.map_err(Failure::error)?,
        Node::Shadowsocks(args) => {
            shadowsocks::serve(&args.config).await.map_err(Failure::error)?;
        }
        Node::Relay(args) => relay::serve(&args.config).await.map_err(Failure::error)?,
    }
    Ok(Exit::Done)
}
