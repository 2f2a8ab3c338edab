//! The child blueprint while it is being made, with the report that goes with it.

use std::collections::{BTreeMap, BTreeSet};

use damm_fleet::stage::StageEvent;
use damm_fleet::{
    Blueprint, Diff, Duty, Node, NodeId, Origin, ProviderName, Reason, RegionName, Role, Seed,
    Span, Stage, Subject, Timestamp, Usd, Verb, WaitingOn,
};

use crate::plan::Plan;
use crate::pool::Pool;
use crate::report::{Changed, Decision, Item, Report, Waiting};
use crate::scene::Scene;
use crate::tally::Tallies;

/// The child blueprint while it is being made.
pub(crate) struct Builder<'a> {
    pub(crate) s: &'a Scene<'a>,
    pub(crate) bp: Blueprint,
    pub(crate) seed: Seed,
    pub(crate) report: Report,
    pub(crate) tallies: Tallies,
    /// Nodes of each pool, in order of id; those made by this plan come last.
    pools: BTreeMap<(RegionName, Role), Vec<NodeId>>,
    /// For each node that others were made to replace, those.
    replacements: BTreeMap<NodeId, Vec<NodeId>>,
    /// Nodes in service as the parent has them, of which not every door can be reached by
    /// everybody.
    pub(crate) ailing: BTreeSet<NodeId>,
    /// Nodes that this plan has made, edited or forgotten, or that a step of the policy may have to
    /// do with. All others are at rest, and as the parent has them.
    pub(crate) moving: BTreeSet<NodeId>,
    /// Nodes that each account holds, whatever their stage.
    pub(crate) held: BTreeMap<ProviderName, usize>,
    /// What the fleet costs a month, as the parent has it.
    pub(crate) cost: Usd,
    /// What the fleet will cost a month once all that leaves or is replaced has gone.
    pub(crate) steady: Usd,
    /// Servers and addresses that this run of plans takes down.
    destroys: u32,
}

impl<'a> Builder<'a> {
    pub(crate) fn new(s: &'a Scene<'a>, mut seed: Seed, origin: Origin) -> Self {
        let bp = s.parent.heir(seed.blueprint(), s.now, origin);
        let mut pools: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut held = BTreeMap::new();
        let mut replacements: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for node in bp.nodes.values() {
            if let Some(old) = node.replaces {
                replacements.entry(old).or_default().push(node.id);
            }
            pools.entry((node.region.clone(), node.role)).or_default().push(node.id);
            *held.entry(node.provider.clone()).or_insert(0) += 1;
        }
        let (mut tallies, mut ailing) = (Tallies::none(s), BTreeSet::new());
        for node in bp.nodes.values().filter(|n| n.serves()) {
            let whole = tallies.add(s, node);
            ailing.extend((!whole).then_some(node.id));
        }
        let (report, destroys) = (Report::default(), s.destroys_used);
        let (moving, cost, steady) = (BTreeSet::new(), Usd::ZERO, Usd::ZERO);
        let mut b = Self {
            s,
            bp,
            seed,
            report,
            tallies,
            pools,
            replacements,
            ailing,
            moving,
            held,
            cost,
            steady,
            destroys,
        };
        b.count_costs();
        b
    }

    /// Adds up what the fleet costs, and what stays of that: without what leaves, and what stands
    /// only until its replacement is verified.
    fn count_costs(&mut self) {
        for node in self.s.parent.nodes.values() {
            let monthly = node.monthly();
            self.cost += monthly;
            if stays(&node.stage) && self.replacement(node.id).is_none() {
                self.steady += monthly;
            }
        }
    }

    /// Whether no step of the policy has to do with a node.
    pub(crate) fn is_at_rest(&self, node: &Node) -> bool {
        !self.moving.contains(&node.id)
    }

    /// The nodes of a pool that are not at rest, as they were when this was called.
    pub(crate) fn moving_ids(&self, pool: &Pool<'_>) -> Vec<NodeId> {
        self.moving_of(&pool.region, pool.role).collect()
    }

    /// The nodes of a region and role that are not at rest, those too that are forgotten.
    pub(crate) fn moving_of(
        &self,
        region: &RegionName,
        role: Role,
    ) -> impl Iterator<Item = NodeId> {
        let ids = self.pools.get(&(region.clone(), role));
        ids.into_iter().flatten().copied().filter(|id| self.moving.contains(id))
    }

    /// The nodes of a pool.
    pub(crate) fn pool(&self, pool: &Pool<'_>) -> Vec<&Node> {
        self.nodes_of(&pool.region, pool.role).collect()
    }

    /// The nodes of a region and role.
    pub(crate) fn nodes_of(&self, region: &RegionName, role: Role) -> impl Iterator<Item = &Node> {
        let ids = self.pools.get(&(region.clone(), role));
        ids.into_iter().flatten().filter_map(|id| self.bp.nodes.get(id))
    }

    /// The node that is to take this one's place, while it stays.
    pub(crate) fn replacement(&self, id: NodeId) -> Option<&Node> {
        let all = self.replacements.get(&id).into_iter().flatten();
        let staying = all.filter_map(|id| self.bp.nodes.get(id)).filter(|n| stays(&n.stage));
        staying.max_by_key(|n| (n.created_at, n.id))
    }

    pub(crate) fn node(&self, id: NodeId) -> Option<&Node> {
        self.bp.nodes.get(&id)
    }

    /// Forgets a node that was seen gone.
    pub(crate) fn forget_node(&mut self, id: NodeId, why: Reason) {
        if let Some(node) = self.bp.nodes.remove(&id) {
            self.moving.insert(id);
            if let Some(held) = self.held.get_mut(&node.provider) {
                *held -= 1;
            }
            self.changed(Item::Subject(id.into()), &node.region, Decision::Forget, &node, why);
        }
    }

    /// Adds a node that is to be made.
    pub(crate) fn add_node(&mut self, node: Node) {
        let verb = match node.role {
            Role::Ingress => Verb::CreateIngress,
            Role::Egress => Verb::CreateEgress,
        };
        let (id, region, why) = (node.id, node.region.clone(), node.reason.clone());
        self.pools.entry((region.clone(), node.role)).or_default().push(id);
        *self.held.entry(node.provider.clone()).or_insert(0) += 1;
        self.moving.insert(id);
        if let Some(old) = node.replaces {
            self.moving.insert(old);
            self.replacements.entry(old).or_default().push(id);
        }
        self.changed(Item::Subject(id.into()), &region, Decision::Act { verb }, &node, why);
        self.bp.nodes.insert(id, node);
    }

    /// Edits a node, whatever that does to the populations: for what is lost anyway, or gained.
    pub(crate) fn edit(&mut self, id: NodeId, edit: impl FnOnce(&mut Node)) {
        let Some(old) = self.bp.nodes.get(&id) else {
            return;
        };
        let mut new = old.clone();
        edit(&mut new);
        self.tallies.exchange(self.s, old, &new);
        self.moving.insert(id);
        self.bp.nodes.insert(id, new);
    }

    /// Edits a node, unless that takes a population below its minimum.
    ///
    /// # Errors
    ///
    /// Which population it would be; nothing is changed then.
    pub(crate) fn try_edit(
        &mut self,
        id: NodeId,
        edit: impl FnOnce(&mut Node),
    ) -> Result<(), WaitingOn> {
        let Some(old) = self.bp.nodes.get(&id) else {
            return Ok(());
        };
        let mut new = old.clone();
        edit(&mut new);
        self.tallies.try_exchange(self.s, old, &new)?;
        self.moving.insert(id);
        self.bp.nodes.insert(id, new);
        Ok(())
    }

    /// Whether one more server or address may be taken down by this plan; counts it if so.
    pub(crate) fn take_destroy(&mut self) -> Result<(), WaitingOn> {
        let max = self.s.topology.rotation.max_destroys_per_plan;
        match self.destroys < max {
            true => {
                self.destroys += 1;
                Ok(())
            }
            false => Err(WaitingOn::DestroyCap { max }),
        }
    }

    /// Tells the reader of a decision about a node or one of its addresses.
    pub(crate) fn changed(
        &mut self,
        item: Item,
        region: &RegionName,
        decision: Decision,
        node: &Node,
        why: Reason,
    ) {
        let detail = detail(&item, node);
        self.report.changes.push(Changed { item, region: region.clone(), decision, detail, why });
    }

    /// Tells the reader of a decision about a thing of this node, which stands in the blueprint.
    pub(crate) fn tell(&mut self, node: NodeId, subject: Subject, decision: Decision, why: Reason) {
        if let Some(node) = self.bp.nodes.get(&node).cloned() {
            self.changed(Item::Subject(subject), &node.region, decision, &node, why);
        }
    }

    /// Tells the reader why something does not happen now.
    pub(crate) fn waits(&mut self, item: Item, region: &RegionName, would: Verb, on: WaitingOn) {
        self.report.waits.push(Waiting { item, region: region.clone(), would, on });
    }

    /// The finished plan.
    pub(crate) fn finish(mut self) -> Plan {
        // Stable: within a region the order of the policy stays.
        self.report.changes.sort_by(|a, b| a.region.cmp(&b.region));
        self.report.waits.sort_by(|a, b| a.region.cmp(&b.region));
        let diff = Diff::between(self.s.parent, &self.bp);
        Plan { blueprint: self.bp, diff, report: self.report }
    }
}

/// Whether something at this stage is meant to stay.
pub(crate) const fn stays(stage: &Stage) -> bool {
    matches!(stage, Stage::Building | Stage::Live { .. })
}

/// Moves a stage. The callers look at the stage first, so an illegal pair is a programming error
/// in the planner: it leaves the stage as it is, and the linter's tests would show it.
pub(crate) fn advance(stage: &mut Stage, event: StageEvent) {
    let next = stage.next(event);
    debug_assert!(next.is_ok(), "{next:?}");
    if let Ok(next) = next {
        *stage = next;
    }
}

pub(crate) fn drain(now: Timestamp, after: Span, why: Reason) -> StageEvent {
    StageEvent::Drain { at: now, deadline: now + after, why }
}

fn detail(item: &Item, node: &Node) -> String {
    match item {
        Item::Subject(Subject::Frontdoor(id)) => {
            let door = node.frontdoors.get(id);
            let what = door.map_or_else(String::new, |d| {
                format!("{}:{} ", d.transport.kind, d.transport.port)
            });
            format!("{what}on {}", node.id)
        }
        Item::Subject(Subject::EgressIp(_)) => format!("on {}", node.id),
        _ => node_detail(node),
    }
}

fn node_detail(node: &Node) -> String {
    let (count, what) = match node.role {
        Role::Ingress => (node.frontdoors.len(), "front door"),
        Role::Egress => (node.egress_ips.len(), "address"),
    };
    let plural = match (count, what) {
        (1, _) => "",
        (_, "address") => "es",
        _ => "s",
    };
    let duty = match node.duty {
        Duty::Serve => String::new(),
        duty => format!(", {duty}"),
    };
    format!("{} {} at {}, {count} {what}{plural}{duty}", node.role, node.profile, node.provider)
}
