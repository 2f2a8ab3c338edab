//! Programs as systemd units, written by the agent under `/run`; after a reboot it writes them
//! anew.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::program::{Program, Rights};
use super::{ServiceError, command, files};

/// What every unit begins with: units of others are never touched.
const PREFIX: &str = "damm-";

/// What no program needs.
const HARDENED: &str = "\
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
UMask=0077
LimitCORE=0
LimitNOFILE=1048576
";

/// systemd, as `systemctl` reaches it.
#[derive(Debug)]
pub(crate) struct Systemd {
    units: PathBuf,
    systemctl: String,
}

impl Systemd {
    /// The machine's own.
    pub fn open() -> Self {
        Self { units: "/run/systemd/system".into(), systemctl: "systemctl".into() }
    }

    /// The names of all programs that have a unit.
    pub fn known(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.units).into_iter().flatten().flatten();
        let names = entries.filter_map(|e| e.file_name().into_string().ok());
        let ours = |n: String| n.strip_prefix(PREFIX)?.strip_suffix(".service").map(str::to_owned);
        // The agent's own unit is not the agent's to judge.
        names.filter_map(ours).filter(|n| n != "node").collect()
    }

    pub async fn runs(&self, name: &str) -> bool {
        self.call(&["is-active", "--quiet", &unit_name(name)]).await.is_ok()
    }

    pub async fn hang_up(&self, name: &str) -> Result<(), ServiceError> {
        self.call(&["kill", "--signal=HUP", "--kill-who=main", &unit_name(name)]).await
    }

    /// Starts a program unless it runs as it should.
    pub async fn ensure(&self, program: &Program) -> Result<(), ServiceError> {
        let changed = files::write(&self.path(&program.name), 0, unit(program).as_bytes())?;
        let name = unit_name(&program.name);
        if changed {
            self.call(&["daemon-reload"]).await?;
            return self.call(&["restart", &name]).await;
        }
        if self.runs(&program.name).await { Ok(()) } else { self.call(&["start", &name]).await }
    }

    /// Ends a program. It is gone when this returns.
    pub async fn stop(&self, name: &str) -> Result<(), ServiceError> {
        self.call(&["stop", &unit_name(name)]).await?;
        files::remove(&self.path(name))?;
        self.call(&["daemon-reload"]).await
    }

    async fn call(&self, words: &[&str]) -> Result<(), ServiceError> {
        let words = [&[self.systemctl.as_str()], words].concat();
        command::run(&words, b"").await.map(drop)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.units.join(unit_name(name))
    }
}

fn unit_name(name: &str) -> String {
    format!("{PREFIX}{name}.service")
}

fn unit(program: &Program) -> String {
    let mut text = format!(
        "# Written by damm's agent.\n[Unit]\nDescription=damm: {}\nAfter=network.target\n\
         StartLimitIntervalSec=0\n\n[Service]\nExecStart={}\nRestart=always\nRestartSec=2\n",
        program.name,
        program.command.iter().map(|w| quoted(w)).collect::<Vec<_>>().join(" ")
    );
    text.push_str(HARDENED);
    text.push_str(&rights(program.rights));
    for (target, source) in &program.shown {
        // A String takes all that is written to it.
        let _ = writeln!(text, "BindReadOnlyPaths={}:{}", path(source), path(target));
    }
    text
}

fn rights(rights: Rights) -> String {
    let sockets =
        "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK\nPrivateDevices=yes\n";
    match rights {
        Rights::Interface => "CapabilityBoundingSet=CAP_NET_ADMIN\nDevicePolicy=closed\n\
             DeviceAllow=/dev/net/tun rw\nReadWritePaths=-/run/wireguard\n\
             RuntimeDirectory=wireguard\nRuntimeDirectoryPreserve=yes\n\
             RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK\n"
            .into(),
        Rights::Sockets(uid) => {
            format!("User={uid}\nGroup={uid}\nCapabilityBoundingSet=\n{sockets}")
        }
        Rights::LowPorts(uid) => format!(
            "User={uid}\nGroup={uid}\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\n\
             AmbientCapabilities=CAP_NET_BIND_SERVICE\n{sockets}"
        ),
    }
}

/// A word of a command line: systemd.service(5), "Command lines".
fn quoted(word: &str) -> String {
    let escaped = word.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%");
    format!("\"{}\"", escaped.replace('$', "$$"))
}

/// A path of a setting: systemd.unit(5), "Specifiers".
fn path(path: &Path) -> String {
    path.display().to_string().replace('%', "%%")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn program(rights: Rights) -> Program {
        Program {
            name: "transport-shadowsocks".into(),
            command: vec!["/bin/sleep".into(), "a b\"%$".into()],
            rights,
            shown: BTreeMap::from([("/etc/resolv.conf".into(), "/etc/hostname".into())]),
        }
    }

    /// A systemctl that writes down what it is asked. Units run when the file `active` is there.
    fn pretender(dir: &Path) -> Systemd {
        let script = "#!/bin/sh\nhere=$(dirname \"$0\")\necho \"$@\" >>\"$here/calls\"\n\
                      [ \"$1\" != is-active ] || [ -e \"$here/active\" ]\n";
        let path = dir.join("systemctl");
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        Systemd { units: dir.into(), systemctl: path.display().to_string() }
    }

    fn calls(dir: &Path) -> Vec<String> {
        let text = std::fs::read_to_string(dir.join("calls")).unwrap_or_default();
        std::fs::remove_file(dir.join("calls")).ok();
        text.lines().map(str::to_owned).collect()
    }

    #[tokio::test]
    async fn a_unit_is_restarted_only_when_what_it_runs_changed() {
        let dir = tempfile::tempdir().unwrap();
        let (systemd, mut program) = (pretender(dir.path()), program(Rights::Sockets(60_710)));
        systemd.ensure(&program).await.unwrap();
        let unit = "damm-transport-shadowsocks.service";
        assert_eq!(calls(dir.path()), ["daemon-reload".into(), format!("restart {unit}")]);
        std::fs::write(dir.path().join("active"), "").unwrap();
        systemd.ensure(&program).await.unwrap();
        assert_eq!(calls(dir.path()), [format!("is-active --quiet {unit}")]);
        program.command.push("more".into());
        systemd.ensure(&program).await.unwrap();
        assert_eq!(calls(dir.path()).len(), 2);
        assert_eq!(systemd.known(), ["transport-shadowsocks"]);
        systemd.stop(&program.name).await.unwrap();
        assert_eq!(systemd.known(), Vec::<String>::new());
    }

    #[test]
    fn systemd_finds_no_fault_in_any_unit() {
        if damm_needs::unmet(&[damm_needs::Need::SystemdAnalyze]) {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        for rights in [Rights::Interface, Rights::Sockets(60_710), Rights::LowPorts(60_711)] {
            let path = dir.path().join("damm-test.service");
            std::fs::write(&path, unit(&program(rights))).unwrap();
            let mut verify = std::process::Command::new("systemd-analyze");
            let output = verify.args(["verify", "--man=no"]).arg(&path).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let faults = said.lines().filter(|l| l.contains("damm-test")).collect::<Vec<_>>();
            assert_eq!(faults, Vec::<&str>::new(), "{rights:?}");
        }
    }

    #[test]
    fn a_word_with_signs_that_systemd_reads_stays_as_it_is() {
        assert_eq!(quoted("a b\"%$\\"), r#""a b\"%%$$\\""#);
    }
}
