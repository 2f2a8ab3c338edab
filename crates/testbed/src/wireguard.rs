//! WireGuard by `wireguard-go`, an implementation that is not ours.

use async_trait::async_trait;
use damm_node::dataplane::WireguardStarter;
use tokio::process::Command;

/// Starts `wireguard-go`, which goes on in the background.
#[derive(Debug)]
pub struct WireguardGo;

#[async_trait]
impl WireguardStarter for WireguardGo {
    async fn ensure(&self, name: &str) -> Result<(), String> {
        if std::path::Path::new("/sys/class/net").join(name).exists() {
            return Ok(());
        }
        // What one that was killed left behind keeps the next from starting.
        let _ = std::fs::remove_file(format!("/run/wireguard/{name}.sock"));
        run("wireguard-go", &[name]).await
    }

    async fn remove(&self, name: &str) -> Result<(), String> {
        run("ip", &["link", "del", name]).await
    }
}

async fn run(program: &str, args: &[&str]) -> Result<(), String> {
    let output = Command::new(program)
        .args(args)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .await
        .map_err(|e| e.to_string())?;
    if output.success() { Ok(()) } else { Err(format!("`{program}` failed: {output}")) }
}
