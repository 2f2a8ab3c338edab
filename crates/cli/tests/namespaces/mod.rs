//! Tests that run in namespaces of their own, so that they touch nothing of this machine.

use std::future::Future;
use std::process::Command;

/// Says, in the environment, that the namespaces are made.
const INSIDE: &str = "DAMM_TEST_INSIDE";

/// Runs a test of this program, by its name, again in network, mount and process namespaces of its
/// own; all that it starts ends with it. Without root, or without a program that it needs, it is
/// skipped with the reason.
pub fn alone(name: &str, needs: &[&str], test: impl Future<Output = ()>) {
    if std::env::var_os(INSIDE).is_some() {
        set_up();
        return tokio::runtime::Runtime::new().unwrap().block_on(test);
    }
    if let Some(reason) = obstacle(needs) {
        return eprintln!("skipped: {name}: {reason}");
    }
    let unshare = ["--net", "--mount", "--propagation", "private", "--pid", "--fork"];
    let status = Command::new("unshare")
        .args(unshare)
        .args(["--kill-child", "--mount-proc"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, "1")
        .status();
    assert!(status.unwrap().success(), "{name} failed in its namespaces");
}

/// `/run` is shared by all network namespaces: sockets of interfaces would meet there.
fn set_up() {
    let script = "mount -t tmpfs none /run && mkdir -p /run/netns && ip link set lo up";
    assert!(Command::new("sh").args(["-c", script]).status().unwrap().success());
}

fn obstacle(needs: &[&str]) -> Option<String> {
    let output = |words: &[&str]| Command::new(words[0]).args(&words[1..]).output();
    let root = output(&["id", "-u"]).is_ok_and(|o| o.stdout == b"0\n");
    if !root {
        return Some("it needs root, for network namespaces".into());
    }
    let found = |name: &&&str| output(&["which", name]).is_ok_and(|o| o.status.success());
    let missing = needs.iter().find(|name| !found(name));
    missing.map(|name| format!("{name} is not installed: run scripts/setup test"))
}
