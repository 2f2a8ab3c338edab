//! What a test needs of the machine that it runs on, and what becomes of it without.
//!
//! A test whose needs are not met is skipped, and says so where it can be seen: on standard error,
//! which the test program does not hold back. Where they are expected to be met it fails instead:
//! `scripts/test` sets [`EXPECT_ROOT`] when it runs as root, and [`EXPECT_CLOUD_INIT`] and
//! [`EXPECT_APPS`] when it has found those.
//!
//! ```
//! # fn test() {
//! if damm_needs::unmet(&[damm_needs::Need::Namespaces, damm_needs::Need::Program("nft")]) {
//!     return;
//! }
//! # }
//! # test();
//! ```

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// When this is set, and not to 0, a test that needs root, or what `scripts/setup test` installs
/// for such tests, fails without.
pub const EXPECT_ROOT: &str = "DAMM_EXPECT_ROOT";
/// The same for cloud-init.
pub const EXPECT_CLOUD_INIT: &str = "DAMM_EXPECT_CLOUD_INIT";

/// The same for clients' apps.
pub const EXPECT_APPS: &str = "DAMM_EXPECT_APPS";

/// Something that not every machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// File systems that can be mounted.
    Mounts,
    /// Network namespaces and others that can be made.
    Namespaces,
    /// A program that `scripts/setup test` installs, by its name.
    Program(&'static str),
    /// A client's app that is in no Debian, by its program's name.
    App(&'static str),
    /// cloud-init, to judge bootstrap files.
    CloudInit,
    /// systemd's own judgement of units. It is nowhere expected: installing it would change how a
    /// machine boots.
    SystemdAnalyze,
}

/// Whether a test can't run here. Then it has been said why, and the test should return.
///
/// # Panics
///
/// When it is expected that it can.
#[must_use]
pub fn unmet(needs: &[Need]) -> bool {
    let Some((need, why)) = first_unmet(needs) else {
        return false;
    };
    let expected = need.expected_by().filter(|name| is_set(std::env::var(name).ok().as_deref()));
    if let Some(name) = expected {
        panic!("{why}; {name} is set, so this test is not skipped (set it to 0 to skip)");
    }
    skipped(&why);
    true
}

/// Why something can't be done here; none when it can.
pub fn obstacle(needs: &[Need]) -> Option<String> {
    first_unmet(needs).map(|(_, why)| why)
}

/// Says that a test is skipped, where it can be seen.
pub fn skipped(why: &str) {
    let thread = std::thread::current();
    let test = thread.name().filter(|name| *name != "main").unwrap_or("a test");
    // The macros would be held back until the test fails. What can't be said is not worth failing.
    drop(writeln!(std::io::stderr(), "skipped: {test}: {why}"));
}

fn first_unmet(needs: &[Need]) -> Option<(Need, String)> {
    needs.iter().find_map(|need| Some((*need, need.obstacle()?)))
}

fn is_set(value: Option<&str>) -> bool {
    value.is_some_and(|value| !matches!(value, "" | "0"))
}

impl Need {
    const fn expected_by(self) -> Option<&'static str> {
        match self {
            Self::Mounts | Self::Namespaces | Self::Program(_) => Some(EXPECT_ROOT),
            Self::App(_) => Some(EXPECT_APPS),
            Self::CloudInit => Some(EXPECT_CLOUD_INIT),
            Self::SystemdAnalyze => None,
        }
    }

    /// Why it is not met, found out once for each process.
    fn obstacle(self) -> Option<String> {
        static KNOWN: Mutex<BTreeMap<Need, Option<String>>> = Mutex::new(BTreeMap::new());
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(self).or_insert_with(|| self.look()).clone()
    }

    fn look(self) -> Option<String> {
        match self {
            Self::Mounts => unshared("file systems can't be mounted", &["--mount"], MOUNT),
            Self::Namespaces => {
                let all = ["--net", "--mount", "--pid", "--fork"];
                unshared("namespaces can't be made", &all, "true")
            }
            Self::Program(name) => absent(name, "`scripts/setup test` installs it"),
            Self::App(name) => absent(name, "`scripts/setup test` brings it"),
            Self::CloudInit => absent("cloud-init", "`scripts/setup test` brings it"),
            Self::SystemdAnalyze => absent("systemd-analyze", "it comes with systemd"),
        }
    }
}

/// Tried where nobody else sees it.
const MOUNT: &str = "mount -t tmpfs -o size=64k none /tmp";

fn unshared(what: &str, namespaces: &[&str], script: &str) -> Option<String> {
    if !is_root() {
        return Some(format!("{what} here: that needs root"));
    }
    let mut unshare = Command::new("unshare");
    let output = match unshare.args(namespaces).args(["sh", "-c", script]).output() {
        Ok(output) => output,
        Err(error) => return Some(format!("{what} here: unshare: {error}")),
    };
    let said = String::from_utf8_lossy(&output.stderr);
    (!output.status.success()).then(|| format!("{what} here: {}", said.trim()))
}

/// By the owner of this process.
fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|of| of.uid() == 0)
}

fn absent(name: &str, remedy: &str) -> Option<String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|dir| dir.join(name).is_file());
    (!found).then(|| format!("{name} is missing: {remedy}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_here_is_no_obstacle_and_what_is_not_is_named() {
        assert_eq!(obstacle(&[Need::Program("sh")]), None);
        let why = obstacle(&[Need::Program("sh"), Need::Program("no-such-program")]).unwrap();
        assert!(why.starts_with("no-such-program is missing"), "{why}");
    }

    #[test]
    fn who_is_not_root_is_told_so() {
        for need in [Need::Namespaces, Need::Mounts] {
            let why = obstacle(&[need]);
            assert!(is_root() || why.is_some_and(|why| why.ends_with("that needs root")));
        }
    }

    #[test]
    fn an_expectation_is_anything_but_nothing_and_0() {
        assert!(is_set(Some("1")) && is_set(Some("yes")));
        assert!(!is_set(Some("0")) && !is_set(Some("")) && !is_set(None));
    }

    #[test]
    fn a_skip_can_be_seen_and_is_a_failure_where_it_may_not_be() {
        const CHILD: &str = "DAMM_NEEDS_CHILD";
        if std::env::var_os(CHILD).is_some() {
            assert!(unmet(&[Need::Program("no-such-program")]));
            return;
        }
        let name = "tests::a_skip_can_be_seen_and_is_a_failure_where_it_may_not_be";
        let run = |expected: &str| {
            let mut again = Command::new(std::env::current_exe().unwrap());
            again.args(["--exact", name]).env(CHILD, "1").env(EXPECT_ROOT, expected);
            let output = again.output().unwrap();
            (output.status.success(), String::from_utf8(output.stderr).unwrap())
        };
        let (passed, said) = run("0");
        assert!(passed && said.contains("skipped: ") && said.contains("no-such-program"), "{said}");
        assert!(!run("1").0);
    }
}
