//! A machine, as EC2 shows it.

use std::net::IpAddr;

use damm_clouds::{ListedMachine, MachineState, Tag};
use damm_fleet::Timestamp;

use super::tags;
use super::xml::Element;
use crate::origins::Origins;

/// One machine.
#[derive(Debug, Clone)]
pub struct Instance {
    /// The vendor's name for it.
    pub id: String,
    /// Our mark.
    pub tag: Option<Tag>,
    /// The vendor's word for how far it has come.
    pub state: String,
    /// The public address of its own.
    pub public: Option<IpAddr>,
    /// Its first network interface.
    pub interface: Option<String>,
    /// The private addresses of that interface.
    pub privates: Vec<Private>,
    launched: Option<Timestamp>,
}

/// A private address of a machine.
#[derive(Debug, Clone)]
pub struct Private {
    /// The address.
    pub address: IpAddr,
    /// Whether it is the interface's first, that the machine's own public address leads to.
    pub primary: bool,
    /// Whether a public address leads to it.
    pub taken: bool,
}

impl Instance {
    /// Reads a machine; none where it has no name.
    pub fn read(item: &Element) -> Option<Self> {
        let first = |i: &&Element| i.text(&["attachment", "deviceIndex"]) == Some("0");
        let interfaces: Vec<_> = item.items("networkInterfaceSet", "item").collect();
        let interface = interfaces.iter().copied().find(first).or(interfaces.first().copied());
        let privates = interface.into_iter().flat_map(|i| i.items("privateIpAddressesSet", "item"));
        let address = |path: &[&str]| item.text(path)?.parse().ok();
        Some(Self {
            id: item.text(&["instanceId"])?.to_owned(),
            tag: tags::read(item),
            state: item.text(&["instanceState", "name"])?.to_owned(),
            public: address(&["ipAddress"]),
            interface: interface.and_then(|i| i.text(&["networkInterfaceId"])).map(str::to_owned),
            privates: privates.filter_map(private).collect(),
            launched: item.text(&["launchTime"]).and_then(moment),
        })
    }

    /// Whether it is gone, or can only go. It is shown for an hour after its end.
    pub fn is_gone(&self) -> bool {
        matches!(self.state.as_str(), "terminated" | "shutting-down")
    }

    /// As listings show it; none where it is gone for good. A machine that was stopped does not
    /// come up again by itself.
    pub fn listed(&self, origins: &Origins, now: Timestamp) -> Option<ListedMachine> {
        let state = match self.state.as_str() {
            "terminated" => return None,
            "shutting-down" => MachineState::Stopping,
            "running" => MachineState::Running,
            "stopping" | "stopped" => MachineState::Failed,
            _ => MachineState::Starting,
        };
        Some(ListedMachine {
            provider_ref: self.id.clone(),
            tag: self.tag.clone(),
            state,
            address: self.public,
            asn: self.public.map(|a| origins.asn(a)),
            created_at: self.launched.unwrap_or(now),
        })
    }
}

/// The machines of an answer of `DescribeInstances`.
pub fn instances(answer: &Element) -> impl Iterator<Item = Instance> {
    let all = answer.items("reservationSet", "item").flat_map(|r| r.items("instancesSet", "item"));
    all.filter_map(Instance::read)
}

fn private(item: &Element) -> Option<Private> {
    Some(Private {
        address: item.text(&["privateIpAddress"])?.parse().ok()?,
        primary: item.text(&["primary"]) == Some("true"),
        taken: item.text(&["association", "publicIp"]).is_some(),
    })
}

fn moment(text: &str) -> Option<Timestamp> {
    let moment: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp::from_millis(moment.as_millisecond()))
}
