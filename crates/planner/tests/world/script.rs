//! Scripts: lines that begin with `> ` are commands, the rest is what they printed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use damm_fleet::{EgressIpId, FrontdoorId, Network, State, Subject, Verdict};
use damm_planner::{Decision, Edit, Item, Plan, edit, forecast};

use super::World;

/// A world with short names for what stands in it: n1, n2, … in the order of appearance.
pub struct Script {
    pub world: World,
    names: BTreeMap<Subject, String>,
    subjects: BTreeMap<String, Subject>,
    counts: [usize; 3],
}

impl Script {
    pub fn new(world: World) -> Self {
        let (names, subjects) = (BTreeMap::new(), BTreeMap::new());
        Self { world, names, subjects, counts: [0; 3] }
    }

    /// Runs all commands of a script, and gives the script as it should be.
    pub fn run(&mut self, text: &str) -> String {
        let mut out = String::new();
        for line in text.lines().filter(|l| l.starts_with("> ") || l.starts_with('#')) {
            let _ = writeln!(out, "{line}");
            if let Some(command) = line.strip_prefix("> ") {
                out.push_str(&self.command(command));
            }
        }
        out
    }

    fn command(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["set", pointer, value] => self.set(pointer, value),
            ["plan"] => self.plan(),
            ["up"] => self.quiet(World::up),
            ["settle"] => self.settle(),
            ["advance", span] => {
                let span = span.parse().expect("a span");
                self.quiet(|w| w.advance(span))
            }
            ["every", span, "for", times] => self.every(span, times),
            ["empty", provider] => self.quiet(|w| {
                let _ = w.empty.insert(provider.parse().unwrap());
            }),
            ["refill", provider] => self.quiet(|w| {
                let _ = w.empty.remove(*provider);
            }),
            ["stick", provider] => self.quiet(|w| {
                let _ = w.stuck.insert(provider.parse().unwrap());
            }),
            ["unstick", provider] => self.quiet(|w| {
                let _ = w.stuck.remove(*provider);
            }),
            ["give", provider, times, "as", door] => self.give(provider, times, door),
            ["give", provider, after, "after", door] => self.beside(provider, after, door),
            ["silence", node] => self.silence(node),
            ["lose", thing] => self.lose(thing),
            ["block", door, networks @ ..] => self.verdict(door, networks, State::Blocked),
            ["unblock", door, networks @ ..] => self.verdict(door, networks, State::Reachable),
            ["down", door, networks @ ..] => self.verdict(door, networks, State::Down),
            ["learn", door, clients] => self.learn(door, clients),
            ["edit", words @ ..] => self.edit(words),
            ["nodes"] => self.nodes(),
            ["records"] => self.records(),
            ["forecast"] => self.forecast(),
            _ => panic!("no such command: {line}"),
        }
    }

    fn quiet(&mut self, f: impl FnOnce(&mut World)) -> String {
        f(&mut self.world);
        String::new()
    }

    fn set(&mut self, pointer: &str, value: &str) -> String {
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        let parent = self.world.topology.pointer_mut(parent).expect("a place");
        let value = serde_json::from_str(value).expect("a value");
        match parent {
            serde_json::Value::Array(items) if key == "-" => items.push(value),
            serde_json::Value::Array(items) => items[key.parse::<usize>().unwrap()] = value,
            map if value == serde_json::Value::Null => {
                map.as_object_mut().expect("an object").remove(key);
            }
            map => map[key] = value,
        }
        self.world.reread();
        String::new()
    }

    /// One plan, linted and adopted.
    fn plan(&mut self) -> String {
        let plan = self.world.plan();
        self.take(&plan)
    }

    fn take(&mut self, plan: &Plan) -> String {
        let broken = self.world.lint(plan);
        assert!(broken.is_empty(), "the linter found {broken:#?}\nin {:#?}", plan.report);
        let text = self.render(plan);
        self.world.adopt(plan);
        self.name_all();
        text
    }

    /// Plans, with all that is made coming up in between, until there is nothing to do.
    fn settle(&mut self) -> String {
        let mut out = String::new();
        for _ in 0..20 {
            self.world.up();
            let plan = self.world.plan();
            let text = self.take(&plan);
            if plan.diff.is_empty() {
                out.push_str(&text);
                return out;
            }
            out.push_str(&text);
        }
        panic!("it does not settle:\n{out}");
    }

    /// Settles again and again, and prints only the plans that change something.
    fn every(&mut self, span: &str, times: &str) -> String {
        let mut out = String::new();
        for _ in 0..times.parse::<usize>().expect("a number") {
            self.world.advance(span.parse().expect("a span"));
            for _ in 0..20 {
                self.world.up();
                let plan = self.world.plan();
                if plan.diff.is_empty() {
                    break;
                }
                let renewal = plan.report.catalogs.values().all(|c| c.renewal);
                let only_renewal =
                    renewal && plan.report.changes.len() == plan.report.catalogs.len();
                let text = self.take(&plan);
                if !only_renewal {
                    let _ = writeln!(out, "at {}", self.world.now);
                    out.push_str(&text);
                }
            }
        }
        out
    }

    /// The address that a door has, or had.
    fn address_of(&self, door: &str) -> std::net::IpAddr {
        let Subject::Frontdoor(id) = self.subjects[door] else { panic!("{door} is no door") };
        self.world.history.0[&id].address
    }

    /// The next addresses that a provider gives are the one that a door had.
    fn give(&mut self, provider: &str, times: &str, door: &str) -> String {
        let address = self.address_of(door);
        let next = self.world.next.entry(provider.parse().unwrap()).or_default();
        next.extend(std::iter::repeat_n(address, times.parse().expect("a number")));
        String::new()
    }

    /// The next address that a provider gives stands a few after one that a door had.
    fn beside(&mut self, provider: &str, after: &str, door: &str) -> String {
        let std::net::IpAddr::V4(address) = self.address_of(door) else { panic!("IPv4 only") };
        let address = u32::from(address) + after.parse::<u32>().expect("a number");
        let next = self.world.next.entry(provider.parse().unwrap()).or_default();
        next.push_back(std::net::Ipv4Addr::from(address).into());
        String::new()
    }

    fn silence(&mut self, node: &str) -> String {
        let Subject::Node(id) = self.subjects[node] else { panic!("{node} is no node") };
        let now = self.world.now;
        self.quiet(|w| {
            let _ = w.silent.insert(id, now);
        })
    }

    /// The provider no longer shows it.
    fn lose(&mut self, thing: &str) -> String {
        let (now, inventory) = (self.world.now, &mut self.world.inventory);
        let (phase, since) = match self.subjects[thing] {
            Subject::Node(id) => {
                inventory.machines.get_mut(&id).map(|m| (&mut m.phase, &mut m.since))
            }
            Subject::Frontdoor(id) => {
                inventory.frontdoors.get_mut(&id).map(|a| (&mut a.phase, &mut a.since))
            }
            Subject::EgressIp(id) => {
                inventory.egress_ips.get_mut(&id).map(|a| (&mut a.phase, &mut a.since))
            }
        }
        .expect("something known");
        (*phase, *since) = (damm_fleet::Phase::Gone, now);
        String::new()
    }

    fn verdict(&mut self, door: &str, networks: &[&str], state: State) -> String {
        let Subject::Frontdoor(id) = self.subjects[door] else { panic!("{door} is no door") };
        let since = self.world.now;
        for network in networks {
            let network: Network = network.parse().expect("a network");
            let verdict = Verdict::new(state, since, "");
            self.world.verdicts.0.entry(id).or_default().insert(network, verdict);
        }
        String::new()
    }

    /// So many clients can have learned a door.
    fn learn(&mut self, door: &str, clients: &str) -> String {
        let Subject::Frontdoor(id) = self.subjects[door] else { panic!("{door} is no door") };
        let seen = self.world.inventory.frontdoors.get_mut(&id).expect("a known door");
        seen.learned_by = clients.parse().expect("a number");
        String::new()
    }

    fn edit(&mut self, words: &[&str]) -> String {
        let edit_ = self.parse_edit(words);
        let seed = self.world.next_seed();
        match self.world.with(|s| edit(s, seed, &edit_)) {
            Ok(plan) => self.take(&plan),
            Err(refusal) => self.short(&format!("refused: {refusal}\n")),
        }
    }

    fn parse_edit(&self, words: &[&str]) -> Edit {
        let node = |w: &str| match self.subjects[w] {
            Subject::Node(id) => id,
            other => panic!("{other} is no node"),
        };
        let door = |w: &str| -> FrontdoorId { self.subjects[w].to_string().parse().unwrap() };
        let ip = |w: &str| -> EgressIpId { self.subjects[w].to_string().parse().unwrap() };
        let name = |w: &str| w.to_owned();
        match words {
            ["createIngress", r, p, f] => Edit::CreateIngress {
                region: name(r).parse().unwrap(),
                provider: name(p).parse().unwrap(),
                profile: name(f).parse().unwrap(),
            },
            ["createEgress", r, p, f] => Edit::CreateEgress {
                region: name(r).parse().unwrap(),
                provider: name(p).parse().unwrap(),
                profile: name(f).parse().unwrap(),
            },
            ["allocateIngressFrontdoors", n, c] => {
                Edit::AllocateIngressFrontdoors { node: node(n), count: c.parse().unwrap() }
            }
            ["allocateEgressIps", n, c] => {
                Edit::AllocateEgressIps { node: node(n), count: c.parse().unwrap() }
            }
            ["drainNode", n] => Edit::DrainNode { node: node(n) },
            ["retireNode", n] => Edit::RetireNode { node: node(n) },
            ["publishEndpointCatalog", r] => {
                Edit::PublishEndpointCatalog { region: r.parse().unwrap() }
            }
            ["drainFrontdoor", d] => Edit::DrainFrontdoor { frontdoor: door(d) },
            ["releaseFrontdoor", d] => Edit::ReleaseFrontdoor { frontdoor: door(d) },
            ["drainEgressIp", e] => Edit::DrainEgressIp { egress_ip: ip(e) },
            ["releaseEgressIp", e] => Edit::ReleaseEgressIp { egress_ip: ip(e) },
            other => panic!("no such edit: {other:?}"),
        }
    }

    fn forecast(&mut self) -> String {
        let seed = self.world.next_seed();
        let plan = self.world.plan();
        let forecast = self.world.with(|s| forecast(s, &plan, seed));
        let mut out = String::new();
        for report in &forecast.then {
            let _ = writeln!(out, "  then");
            for change in &report.changes {
                let line = format!("    {:?} {}", change.decision, change.item);
                out.push_str(&line);
                out.push('\n');
            }
        }
        self.short(&out)
    }

    /// Names all that stands, node by node in the order of their own names.
    fn name_all(&mut self) {
        let mut nodes: Vec<_> = self.world.target.nodes.values().cloned().collect();
        nodes.sort_by_key(|n| {
            let name = self.name(n.id.into());
            (name.len(), name)
        });
        for node in nodes {
            node.frontdoors.keys().for_each(|id| drop(self.name((*id).into())));
            node.egress_ips.keys().for_each(|id| drop(self.name((*id).into())));
        }
    }

    fn name(&mut self, subject: Subject) -> String {
        let (slot, letter) = match subject {
            Subject::Node(_) => (0, 'n'),
            Subject::Frontdoor(_) => (1, 'd'),
            Subject::EgressIp(_) => (2, 'e'),
        };
        if let Some(name) = self.names.get(&subject) {
            return name.clone();
        }
        self.counts[slot] += 1;
        let name = format!("{letter}{}", self.counts[slot]);
        self.names.insert(subject, name.clone());
        self.subjects.insert(name.clone(), subject);
        name
    }

    /// Puts short names in the place of ids.
    fn short(&mut self, text: &str) -> String {
        let mut out = String::new();
        for piece in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && c != '-') {
            let word = piece.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
            match word.parse::<Subject>() {
                Ok(subject) => out.push_str(&piece.replace(word, &self.name(subject))),
                Err(_) => out.push_str(piece),
            }
        }
        out
    }

    /// A plan in few lines, for people.
    fn render(&mut self, plan: &Plan) -> String {
        let mut out = String::new();
        let report = &plan.report;
        let what = if plan.diff.is_empty() { "no changes" } else { "changes" };
        let _ = writeln!(out, "  {what} ({})", plan.blueprint.origin);
        for c in &report.changes {
            let decision = match &c.decision {
                Decision::Act { verb } => verb.to_string(),
                Decision::Verified => "verified".to_owned(),
                Decision::StepIn => "stepIn".to_owned(),
                Decision::Withhold { population } => format!("withhold from {population}"),
                Decision::Restore { population } => format!("restore to {population}"),
                Decision::Forget => "forget".to_owned(),
            };
            let _ = writeln!(
                out,
                "    {}: {decision} {} [{}] because {}",
                c.region, c.item, c.detail, c.why
            );
        }
        for w in &report.waits {
            let item = match &w.item {
                Item::Subject(s) => s.to_string(),
                other => other.to_string(),
            };
            let _ = writeln!(out, "    {}: {} {item} waits on {}", w.region, w.would, w.on);
        }
        for h in &report.halts {
            let _ = writeln!(
                out,
                "    {}: {} rotation HALTED, {} of {} look bad",
                h.region, h.role, h.bad, h.of
            );
        }
        self.short(&out)
    }

    /// DNS records and balancer targets.
    fn records(&mut self) -> String {
        let mut out = String::new();
        for (key, set) in &self.world.target.records {
            let all: Vec<String> = set.addresses.iter().map(ToString::to_string).collect();
            let _ = writeln!(out, "  {} {}", key.name, all.join(" "));
        }
        for (key, target) in &self.world.target.targets {
            let state = if target.draining { "drains" } else { "serves" };
            let _ = writeln!(out, "  {} {} {state}", key.balancer, key.node);
        }
        self.short(&out)
    }

    /// The whole fleet, a line for each node.
    fn nodes(&mut self) -> String {
        let mut out = String::new();
        for node in self.world.target.nodes.values() {
            let doors = node.frontdoors.values().map(|d| {
                let withheld: Vec<&str> = d.withheld_from.iter().map(|p| p.as_str()).collect();
                let not = if withheld.is_empty() {
                    String::new()
                } else {
                    format!("!{}", withheld.join(","))
                };
                format!("{} {}{not}", d.id, d.stage.name())
            });
            let ips = node.egress_ips.values().map(|e| format!("{} {}", e.id, e.stage.name()));
            let all: Vec<String> = doors.chain(ips).collect();
            let _ = writeln!(
                out,
                "  {} {} {} {} {} {}: {}",
                node.id,
                node.region,
                node.role,
                node.provider,
                node.duty,
                node.stage.name(),
                all.join("; ")
            );
        }
        for (name, p) in &self.world.typed().populations.clone() {
            let usable = self.world.usable(name.as_str()).len();
            let _ =
                writeln!(out, "  {name}: {usable} usable front doors, at least {}", p.min_fronts);
        }
        self.short(&out)
    }
}

/// A seed for a script's name.
pub fn seed_of(name: &str) -> u64 {
    name.bytes().fold(7, |h, b| h.wrapping_mul(31).wrapping_add(u64::from(b)))
}
