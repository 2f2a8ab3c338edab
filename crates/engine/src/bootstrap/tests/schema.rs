//! Debian's own judgement of what is rendered: `cloud-init schema`.

use std::io::Write as _;
use std::process::Command;

use super::*;

/// Whether cloud-init takes a text for a valid configuration, with what it says; none where
/// there is no cloud-init.
fn judged(text: &str) -> Option<(bool, String)> {
    if damm_needs::unmet(&[damm_needs::Need::CloudInit]) {
        return None;
    }
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let run =
        Command::new("cloud-init").args(["schema", "--config-file"]).arg(file.path()).output();
    let output = run.unwrap();
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

#[test]
fn debians_cloud_init_takes_what_the_built_in_templates_give() {
    for role in [Role::Ingress, Role::Egress] {
        if let Some((valid, said)) = judged(built_in(role).expose()) {
            assert!(valid, "{role}: {said}");
        }
    }
}

#[test]
fn debians_cloud_init_takes_odd_names_too() {
    for name in ODD {
        if let Some((valid, said)) = judged(named(name).unwrap().expose()) {
            assert!(valid, "{name:?}: {said}");
        }
    }
}

#[test]
fn debians_cloud_init_would_have_said_no() {
    let wrong = built_in(Role::Ingress).into_text().replace("packages:", "packages: 3 #");
    for text in [wrong.as_str(), "#cloud-config\nwrite_files: [{content: x}]\n"] {
        if let Some((valid, said)) = judged(text) {
            assert!(!valid, "{said}");
        }
    }
}
