//! Tests that run in namespaces of their own, so that they touch nothing of this machine.

use std::future::Future;
use std::process::Command;

use damm_needs::Need;

/// Says, in the environment, that the namespaces are made.
const INSIDE: &str = "DAMM_TEST_INSIDE";

/// Runs a test of this program, by its name, again in network, mount and process namespaces of its
/// own; all that it starts ends with it. Without root, or without a program that it needs, it is
/// skipped with the reason.
pub fn alone(name: &str, needs: &[&'static str], test: impl Future<Output = ()>) {
    if std::env::var_os(INSIDE).is_some() {
        set_up();
        return tokio::runtime::Runtime::new().unwrap().block_on(test);
    }
    let programs = needs.iter().map(|name| Need::Program(name));
    if damm_needs::unmet(&[Need::Namespaces].into_iter().chain(programs).collect::<Vec<_>>()) {
        return;
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
