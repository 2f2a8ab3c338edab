//! Changes of the fleet that clients must not notice.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use crate::clients::Client;
use crate::stage::{Stage, stage};
use crate::traffic::{Traffic, pass};

/// Runs a change under everybody's traffic.
fn unnoticed(stage: &Stage, change: impl FnOnce(&[Client])) {
    let clients = stage.clients();
    let traffic = Traffic::begin(stage, &clients);
    change(&clients);
    traffic.end(stage);
}

impl Stage {
    /// The rows of `damm show`.
    pub fn rows(&self, what: &str) -> Vec<Value> {
        let told = self.told(&["show", what]);
        let rows = told.as_object().unwrap().values().find_map(Value::as_array);
        rows.unwrap().clone()
    }

    /// The ids of what is in service.
    pub fn live(&self, what: &str) -> BTreeSet<String> {
        let rows = self.rows(what).into_iter().filter(|r| r["stage"] == "live");
        rows.map(|r| r["id"].as_str().unwrap().to_owned()).collect()
    }

    fn stage_of(&self, what: &str, id: &str) -> Option<String> {
        let rows = self.rows(what).into_iter();
        let mut row = rows.filter(|r| r["id"] == id);
        row.next().map(|r| r["stage"].as_str().unwrap().to_owned())
    }

    /// A node in service of a role.
    fn node(&self, role: &str) -> String {
        let rows = self.rows("nodes").into_iter();
        let mut rows = rows.filter(|r| r["role"] == role && r["stage"] == "live");
        rows.next().unwrap()["id"].as_str().unwrap().to_owned()
    }
}

#[test]
fn an_egress_address_is_added_drained_and_released_unnoticed() {
    let Some(stage) = stage() else { return };
    unnoticed(&stage, |_| {
        let before = stage.live("egress-ips");
        let node = stage.node("egress");
        stage.edit(&["allocate-egress-ips", &node, "--count", "1"]);
        stage.wait_for("the new address to be in service", || {
            stage.live("egress-ips").len() > before.len()
        });
        let after = stage.live("egress-ips");
        let new = after.difference(&before).next().unwrap();
        pass(2);
        stage.edit(&["drain-egress-ip", new]);
        // The controller releases it once its last session has ended.
        stage.wait_for("the address to be given back", || {
            stage.stage_of("egress-ips", new).is_none()
        });
    });
}

#[test]
fn a_front_door_is_added_and_another_drained_unnoticed() {
    let Some(stage) = stage() else { return };
    unnoticed(&stage, |clients| {
        let before = stage.live("frontdoors");
        let node = stage.node("ingress");
        stage.edit(&["allocate-ingress-frontdoors", &node, "--count", "1"]);
        stage.wait_for("the new front door to be in service", || {
            stage.live("frontdoors").len() > before.len()
        });
        pass(1);
        // The doors that clients are at stay open to them.
        stage.edit(&["drain-frontdoor", &clients[0].door.id]);
        pass(5);
    });
}

#[test]
fn the_controller_stops_and_starts_unnoticed() {
    let Some(stage) = stage() else { return };
    unnoticed(&stage, |_| {
        stage.stop_controller();
        pass(5);
        stage.start_controller();
        pass(5);
    });
}

#[test]
fn agents_are_killed_and_start_again_unnoticed() {
    let Some(stage) = stage() else { return };
    unnoticed(&stage, |_| {
        for (machine, _) in stage.machines() {
            let before = stage.agent(&machine);
            drop(Command::new("kill").args(["-9", &before.to_string()]).status());
            stage.wait_for("the agent to start again", || stage.new_agent(&machine, before));
        }
        pass(5);
    });
}

#[test]
fn agents_are_upgraded_unnoticed() {
    let Some(stage) = stage() else { return };
    unnoticed(&stage, |_| {
        for (machine, _) in stage.machines() {
            let before = stage.agent(&machine);
            stage.sh(
                &machine,
                "cp /usr/local/bin/damm /usr/local/bin/damm.new\n\
                 mv /usr/local/bin/damm.new /usr/local/bin/damm\n",
            );
            drop(Command::new("kill").arg(before.to_string()).status());
            stage.wait_for("the new agent to start", || stage.new_agent(&machine, before));
        }
        pass(5);
    });
}

impl Stage {
    /// The process that is a machine's agent.
    fn agent(&self, machine: &str) -> u32 {
        self.find_agent(machine).expect("an agent")
    }

    fn new_agent(&self, machine: &str, before: u32) -> bool {
        self.find_agent(machine).is_some_and(|now| now != before)
    }

    fn find_agent(&self, machine: &str) -> Option<u32> {
        let words = |pid: &u32| std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let is_agent = |pid: &u32| {
            let words = words(pid);
            let words: Vec<_> = words.split(|b| *b == 0).collect();
            words.windows(2).any(|w| w == [&b"node"[..], b"run"])
        };
        self.lab.processes(machine).unwrap().into_iter().find(is_agent)
    }
}
