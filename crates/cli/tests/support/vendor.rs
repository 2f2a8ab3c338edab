//! A fleet with an account at a vendor that is played on this machine.

use std::sync::Arc;

use damm_clouds::ManualClock;
use damm_doubles::Front;
use damm_doubles::hetzner::Hetzner;
use damm_fleet::Timestamp;

use super::{Fleet, Ran};

pub const TOKEN: &str = "hunter2-of-the-project";

/// The vendor.
pub fn hetzner() -> Front {
    let clock = ManualClock::at(Timestamp::from_millis(1_795_000_000_000));
    Front::over(Arc::new(Hetzner::new(clock, TOKEN)))
}

/// A fleet that has an account there, reached at `endpoint`.
pub fn fleet(endpoint: &str) -> Fleet {
    let account = format!(
        r#""providers": {{
    "helsinki": {{ "kind": "hetzner", "credentials": {{ "env": "TEST_TOKEN" }}, "asns": [24940],
                  "endpoint": "{endpoint}/v1", "locations": {{ "north": "hel1" }} }},"#
    );
    let text = super::TOPOLOGY.replacen("\"providers\": {", &account, 1);
    let fleet = Fleet::new();
    std::fs::write(fleet.path("topology.json"), text).unwrap();
    fleet
}

/// Runs the binary with more in its environment.
pub fn run(fleet: &Fleet, args: &[&str], environment: &[(&str, &str)]) -> Ran {
    let mut command = fleet.command(args);
    command.envs(environment.iter().copied());
    Ran::of(command.output().unwrap())
}
