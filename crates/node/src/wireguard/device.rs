//! The process that serves one WireGuard interface.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use gotatun::device::{DeviceBuilder, uapi::UapiServer};
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};

use self::configuration::Configuration;
use super::error::WireguardError;
use super::socket;

mod configuration;

/// Packets wait here while the process has no turn; the default of 208 KiB is full in 2 ms at
/// 1 Gbit/s. The kernel gives no more than `net.core.rmem_max`.
const BUFFER: usize = 4 << 20;

/// Makes the interface and serves it until it is told to end (SIGTERM) or the interface goes.
///
/// # Errors
///
/// When the interface can't be made, has another process, or fails.
pub async fn serve(name: &str) -> Result<(), WireguardError> {
    check(name)?;
    let listener = listen(name).await?;
    let (client, server) = UapiServer::new();
    let failed = |why: &dyn std::fmt::Display| WireguardError::Device {
        name: name.into(),
        why: why.to_string(),
    };
    let builder = DeviceBuilder::new()
        .with_default_udp()
        .udp_recv_buffer_size(BUFFER)
        .udp_send_buffer_size(BUFFER)
        .create_tun(name)
        .map_err(|e| failed(&e))?;
    let mut device = builder.with_uapi(server).build().await.map_err(|e| failed(&e))?;
    let mut end = signal(SignalKind::terminate()).map_err(|e| failed(&e))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|e| failed(&e))?;
    let answering = tokio::spawn(answer(listener, Configuration::new(client)));
    let gone = tokio::select! {
        () = device.wait() => true,
        _ = end.recv() => false,
        _ = interrupt.recv() => false,
    };
    answering.abort();
    // A socket that is left behind is removed by the next process that serves the name.
    drop(std::fs::remove_file(socket(name)));
    device.stop().await;
    if gone { Err(failed(&"the interface is gone")) } else { Ok(()) }
}

fn check(name: &str) -> Result<(), WireguardError> {
    let sign = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let good = (1..=15).contains(&name.len()) && name.chars().all(sign);
    if good { Ok(()) } else { Err(WireguardError::Name(name.into())) }
}

/// Takes the interface's socket. One that nobody answers at was left by a process that was killed.
async fn listen(name: &str) -> Result<UnixListener, WireguardError> {
    let path = socket(name);
    let failed = |source| WireguardError::Socket { path: path.clone(), source };
    if UnixStream::connect(&path).await.is_ok() {
        return Err(WireguardError::Served(name.into()));
    }
    let directory = path.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(directory).map_err(failed)?;
    match std::fs::remove_file(&path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(failed(e)),
        _ => {}
    }
    let listener = UnixListener::bind(&path).map_err(failed)?;
    // Who reaches it may read the interface's private key.
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&path, private).map_err(failed)?;
    Ok(listener)
}

async fn answer(listener: UnixListener, configuration: Configuration) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(configuration.clone().converse(stream));
            }
            // Out of file descriptors: others may be closed by then.
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_a_path_or_too_long_is_refused() {
        assert!(check("wg-e17").is_ok());
        for name in ["", "../wg", "a.b", "sixteen-letters-"] {
            assert!(check(name).is_err(), "{name}");
        }
    }
}
