//! EC2's machines.

use std::collections::BTreeMap;
use std::net::IpAddr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use damm_fleet::{Span, Timestamp};

use super::form::{Form, No, Said, by_tag, fits, no, tag_set};
use super::{Account, SLOW};
use crate::asked::Luck;
use crate::pages;

/// From a machine's order to its running.
const BOOT: Span = Span::from_secs(20);

/// From a machine's deletion to its end.
const SHUTDOWN: Span = Span::from_secs(30);

/// How long a machine is shown after its end.
const SHOWN: Span = Span::from_hours(1);

/// A listing may have fewer on a page than it was asked for.
const PAGE: usize = 50;

/// So few, that a listing of sizes has several pages.
const SIZES_ON_A_PAGE: usize = 3;

/// Sizes with the private addresses that their first interface can hold, and their architecture.
const SIZES: [(&str, usize, &str); 4] = [
    ("t3.micro", 2, "x86_64"),
    ("t3.small", 4, "x86_64"),
    ("t3.medium", 6, "x86_64"),
    ("t4g.small", 4, "arm64"),
];

/// Images: owner, name, id, when made, architecture.
const IMAGES: [(&str, &str, &str, &str, &str); 5] = [
    ("136693071363", "debian-12-amd64-20260101-1", "ami-0a11", "2026-01-01", "x86_64"),
    ("136693071363", "debian-12-amd64-20260801-1", "ami-0a12", "2026-08-01", "x86_64"),
    ("136693071363", "debian-12-arm64-20260801-1", "ami-0b12", "2026-08-01", "arm64"),
    ("666666666666", "debian-12-amd64-20991231-1", "ami-0bad", "2026-09-09", "x86_64"),
    ("123456789012", "our-own", "ami-0c11", "2026-02-02", "x86_64"),
];

/// A machine.
#[derive(Debug, Clone)]
pub struct Machine {
    pub made_at: Timestamp,
    pub listed_at: Timestamp,
    runs_at: Option<Timestamp>,
    pub ends_at: Option<Timestamp>,
    pub tags: BTreeMap<String, String>,
    size: &'static str,
    image: String,
    zone: String,
    pub interface: String,
    /// The first is the primary one.
    pub privates: Vec<IpAddr>,
    /// Its own public address, unless an elastic one took its place.
    pub public: Option<IpAddr>,
}

impl Machine {
    pub fn state(&self, now: Timestamp) -> (u8, &'static str) {
        match (self.ends_at, self.runs_at) {
            (Some(end), _) if end <= now => (48, "terminated"),
            (Some(_), _) => (32, "shutting-down"),
            (None, Some(at)) if at <= now => (16, "running"),
            _ => (0, "pending"),
        }
    }

    pub fn is_there(&self, now: Timestamp) -> bool {
        self.ends_at.is_none_or(|end| end > now)
    }

    /// Private addresses that its first interface can hold.
    pub fn room(&self) -> usize {
        SIZES.iter().find(|(s, ..)| *s == self.size).map_or(0, |(_, n, _)| *n)
    }
}

fn state((code, name): (u8, &str), tag: &str) -> String {
    format!("<{tag}><code>{code}</code><name>{name}</name></{tag}>")
}

impl Account {
    pub(super) fn describe_images(&self, form: &Form) -> Said {
        form.only(&["ImageId.*", "Owner.*", "Filter.*"])?;
        let (ids, owners, filters) = (form.list("ImageId"), form.list("Owner"), form.filters());
        if let Some(id) = ids.iter().find(|id| IMAGES.iter().all(|i| i.2 != **id)) {
            return no("InvalidAMIID.NotFound", format!("The image id '[{id}]' does not exist"));
        }
        let shown = IMAGES.iter().filter(|(owner, name, id, ..)| {
            let owned = |o: &&str| o == owner || (*o == "self" && *owner == "123456789012");
            (ids.is_empty() || ids.contains(id))
                && (owners.is_empty() || owners.iter().any(owned))
                && filters.iter().all(|(filter, values)| match *filter {
                    "name" => values.iter().any(|v| fits(v, name)),
                    "state" => values.contains(&"available"),
                    _ => false,
                })
        });
        let items = shown.map(|(owner, name, id, made, architecture)| {
            format!(
                "<item><imageId>{id}</imageId><imageOwnerId>{owner}</imageOwnerId>\
                 <name>{name}</name><imageState>available</imageState>\
                 <architecture>{architecture}</architecture>\
                 <creationDate>{made}T00:00:00.000Z</creationDate>\
                 <rootDeviceName>/dev/xvda</rootDeviceName><blockDeviceMapping><item>\
                 <deviceName>/dev/xvda</deviceName><ebs><snapshotId>snap-{id}</snapshotId>\
                 <deleteOnTermination>{}</deleteOnTermination></ebs></item>\
                 </blockDeviceMapping></item>",
                *owner != "123456789012"
            )
        });
        Ok(format!("<imagesSet>{}</imagesSet>", items.collect::<String>()))
    }

    pub(super) fn describe_sizes(&self, form: &Form) -> Said {
        form.only(&["InstanceType.*", "Filter.*", "MaxResults", "NextToken"])?;
        let names = form.list("InstanceType");
        if let Some(name) = names.iter().find(|n| SIZES.iter().all(|(s, ..)| s != *n)) {
            let words = format!("The following supplied instance types do not exist: [{name}]");
            return no("InvalidInstanceType", words);
        }
        // A name may not come with a number of results; a page may hold fewer than were asked for.
        let wanted = SIZES.iter().filter(|(s, ..)| names.is_empty() || names.contains(s));
        let from = form.get("NextToken").and_then(|t| t.parse().ok()).unwrap_or(0);
        let items = wanted.clone().skip(from).take(SIZES_ON_A_PAGE).map(|(size, most, _)| {
            format!(
                "<item><instanceType>{size}</instanceType><vCpuInfo><defaultVCpus>2</defaultVCpus>\
                 </vCpuInfo><memoryInfo><sizeInMiB>2048</sizeInMiB></memoryInfo><networkInfo>\
                 <ipv4AddressesPerInterface>{most}</ipv4AddressesPerInterface></networkInfo></item>"
            )
        });
        let next = from + SIZES_ON_A_PAGE;
        let token = (wanted.count() > next).then(|| format!("<nextToken>{next}</nextToken>"));
        let (items, token) = (items.collect::<String>(), token.unwrap_or_default());
        Ok(format!("<instanceTypeSet>{items}</instanceTypeSet>{token}"))
    }

    pub(super) fn run_instances(&mut self, form: &Form, luck: Luck, now: Timestamp) -> Said {
        form.only(&[
            "ImageId",
            "InstanceType",
            "MinCount",
            "MaxCount",
            "ClientToken",
            "UserData",
            "MetadataOptions.HttpTokens",
            "BlockDeviceMapping.*",
            "TagSpecification.*",
            "Placement.AvailabilityZone",
            "NetworkInterface.*",
        ])?;
        let (token, words) = (form.get("ClientToken"), form.without("ClientToken"));
        let before = token.and_then(|t| self.tokens.get(t));
        if let Some((said, id)) = before.cloned() {
            if said != words {
                let words = "Arguments on this idempotent request are inconsistent with arguments \
                             used in previous request(s).";
                return no("IdempotentParameterMismatch", words);
            }
            if self.machines.get(&id).is_some_and(|m| m.state(now).0 > 16) {
                let words = format!("The client token you have provided is for {id}, terminated");
                return no("IdempotentInstanceTerminated", words);
            }
            return Ok(self.reservation(&id, now));
        }
        let machine = self.order(form, luck, now)?;
        let id = format!("i-{}", self.ids.hex(17));
        self.machines.insert(id.clone(), machine);
        if let Some(token) = token.filter(|t| t.len() <= 64) {
            self.tokens.insert(token.to_owned(), (words, id.clone()));
        }
        Ok(self.reservation(&id, now))
    }

    /// What an order makes, if it can be filled.
    fn order(&mut self, form: &Form, luck: Luck, now: Timestamp) -> Result<Machine, No> {
        let wrong = |words: String| no("InvalidParameterValue", words);
        if (form.need("MinCount")?, form.need("MaxCount")?) != ("1", "1") {
            return wrong("MinCount and MaxCount".to_owned());
        }
        let image = form.need("ImageId")?;
        let Some((.., built)) = IMAGES.iter().find(|i| i.2 == image) else {
            return no("InvalidAMIID.NotFound", format!("The image id '[{image}]' does not exist"));
        };
        let size = form.need("InstanceType")?;
        let Some((size, most, architecture)) = SIZES.iter().find(|(s, ..)| *s == size) else {
            return wrong(format!("Invalid value '{size}' for InstanceType."));
        };
        if built != architecture {
            return wrong(format!("The architecture '{architecture}' is not that of the image"));
        }
        let zone = form.get("Placement.AvailabilityZone").unwrap_or("eu-north-1b");
        if !["eu-north-1a", "eu-north-1b", "eu-north-1c"].contains(&zone) {
            return wrong(format!("Invalid availability zone: [{zone}]"));
        }
        match BASE64_STANDARD.decode(form.get("UserData").unwrap_or_default()) {
            Err(_) => return wrong("Invalid BASE64 encoding of user data.".to_owned()),
            Ok(data) if data.len() > 16_384 => {
                return wrong("User data is limited to 16384 bytes".to_owned());
            }
            Ok(_) => {}
        }
        if luck.out_of_stock {
            let words = format!("We currently do not have sufficient {size} capacity in {zone}");
            return Err(No(500, "InsufficientInstanceCapacity", words));
        }
        if self.machines.values().filter(|m| m.is_there(now)).count() >= self.quota {
            let words = "You have requested more vCPU capacity than your current vCPU limit allows";
            return no("VcpuLimitExceeded", words);
        }
        let (tags, own) = (form.tags("instance")?, form.get(OWN_PUBLIC) == Some("true"));
        let more = form.get(MORE_PRIVATE).and_then(|n| n.parse::<usize>().ok()).unwrap_or(0);
        if more >= *most {
            let words = format!("Number of private addresses will exceed limit of {size}");
            return no("PrivateIpAddressLimitExceeded", words);
        }
        Ok(Machine {
            made_at: now,
            listed_at: if luck.late_listing { now + Span::from_secs(45) } else { now },
            runs_at: (!luck.stuck_create).then(|| now + BOOT),
            ends_at: None,
            tags,
            size,
            image: image.to_owned(),
            zone: zone.to_owned(),
            interface: format!("eni-{}", self.ids.hex(17)),
            privates: (0..=more).map(|_| self.privates.draw()).collect(),
            public: own.then(|| self.publics.draw()),
        })
    }

    pub(super) fn describe_instances(&mut self, form: &Form, now: Timestamp) -> Said {
        form.only(&["InstanceId.*", "Filter.*", "MaxResults", "NextToken"])?;
        let (ids, filters) = (form.list("InstanceId"), form.filters());
        if !ids.is_empty() && form.get("MaxResults").is_some() {
            return no("InvalidParameterCombination", "MaxResults and InstanceId");
        }
        self.machines.retain(|_, m| m.ends_at.is_none_or(|end| end + SHOWN > now));
        if let Some(id) = ids.iter().find(|id| !self.machines.contains_key(**id)) {
            return nobody(id);
        }
        let mut shown = Vec::new();
        for (id, machine) in &self.machines {
            let listed = ids.is_empty() && machine.listed_at <= now;
            if (listed || ids.contains(&id.as_str())) && through(machine, &filters, now)? {
                shown.push((id.clone(), id.clone()));
            }
        }
        let wanted = form.get("MaxResults").and_then(|m| m.parse().ok()).unwrap_or(usize::MAX);
        let size = if ids.is_empty() { PAGE.min(wanted) } else { usize::MAX };
        let (page, next) = pages::after(shown, form.get("NextToken"), size);
        let next = next.map(|n| format!("<nextToken>{n}</nextToken>")).unwrap_or_default();
        let items = page.iter().map(|id| format!("<item>{}</item>", self.reservation(id, now)));
        Ok(format!("<reservationSet>{}</reservationSet>{next}", items.collect::<String>()))
    }

    pub(super) fn terminate_instances(&mut self, form: &Form, luck: Luck, now: Timestamp) -> Said {
        form.only(&["InstanceId.*"])?;
        let ids = form.list("InstanceId");
        if let Some(id) = ids.iter().find(|id| !self.machines.contains_key(**id)) {
            return nobody(id);
        }
        let span = if luck.slow_delete { SLOW } else { SHUTDOWN };
        let items = ids.iter().filter_map(|id| {
            let machine = self.machines.get_mut(*id)?;
            let before = machine.state(now);
            machine.ends_at.get_or_insert(now + span);
            Some(format!(
                "<item><instanceId>{id}</instanceId>{}{}</item>",
                state(machine.state(now), "currentState"),
                state(before, "previousState")
            ))
        });
        Ok(format!("<instancesSet>{}</instancesSet>", items.collect::<String>()))
    }

    pub(super) fn assign_private(&mut self, form: &Form, now: Timestamp) -> Said {
        form.only(&["NetworkInterfaceId", "SecondaryPrivateIpAddressCount"])?;
        let interface = form.need("NetworkInterfaceId")?;
        let mut all = self.machines.values_mut();
        let found = all.find(|m| m.is_there(now) && m.interface == interface);
        let Some(machine) = found else {
            let words = format!("The networkInterface ID '{interface}' does not exist");
            return no("InvalidNetworkInterfaceID.NotFound", words);
        };
        let count = form.need("SecondaryPrivateIpAddressCount")?;
        let count = count.parse::<usize>().unwrap_or(0);
        if count == 0 || machine.privates.len() + count > machine.room() {
            let words = format!("Number of private addresses will exceed limit on {interface}");
            return no("PrivateIpAddressLimitExceeded", words);
        }
        machine.privates.extend((0..count).map(|_| self.privates.draw()));
        Ok("<return>true</return>".to_owned())
    }

    /// A machine in its reservation, as `RunInstances` answers it.
    fn reservation(&self, id: &str, now: Timestamp) -> String {
        let Some(machine) = self.machines.get(id) else {
            return String::new();
        };
        let (code, name) = machine.state(now);
        // Addresses come when it runs, and go when it ends.
        let public =
            machine.public.filter(|_| code == 16).map(|a| format!("<ipAddress>{a}</ipAddress>"));
        let privates = machine.privates.iter().enumerate().map(|(n, address)| {
            let held = self.holder_of(&machine.interface, *address);
            let own = machine.public.filter(|_| n == 0 && code == 16);
            let shown = held
                .or(own)
                .map(|public| format!("<association><publicIp>{public}</publicIp></association>"));
            format!(
                "<item><privateIpAddress>{address}</privateIpAddress><primary>{}</primary>{}\
                 </item>",
                n == 0,
                shown.unwrap_or_default()
            )
        });
        let interface = match code {
            48 => String::new(),
            _ => format!(
                "<item><networkInterfaceId>{}</networkInterfaceId><attachment>\
                 <deviceIndex>0</deviceIndex></attachment><privateIpAddressesSet>{}\
                 </privateIpAddressesSet></item>",
                machine.interface,
                privates.collect::<String>()
            ),
        };
        format!(
            "<reservationId>r-1</reservationId><instancesSet><item><instanceId>{id}</instanceId>\
             <imageId>{}</imageId><instanceType>{}</instanceType>{}{}\
             <launchTime>{}</launchTime><placement><availabilityZone>{}</availabilityZone>\
             </placement><networkInterfaceSet>{interface}</networkInterfaceSet>{}</item>\
             </instancesSet>",
            machine.image,
            machine.size,
            state((code, name), "instanceState"),
            public.unwrap_or_default(),
            machine.made_at,
            machine.zone,
            tag_set(&machine.tags)
        )
    }
}

const OWN_PUBLIC: &str = "NetworkInterface.1.AssociatePublicIpAddress";

const MORE_PRIVATE: &str = "NetworkInterface.1.SecondaryPrivateIpAddressCount";

fn through(
    machine: &Machine,
    filters: &BTreeMap<&str, Vec<&str>>,
    now: Timestamp,
) -> Result<bool, No> {
    for (filter, values) in filters {
        let fits = match *filter {
            "instance-state-name" => values.contains(&machine.state(now).1),
            _ => match by_tag(&machine.tags, filter, values) {
                Some(fits) => fits,
                None => {
                    return no("InvalidParameterValue", format!("filter '{filter}' is invalid"));
                }
            },
        };
        if !fits {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A machine that was never there, or is forgotten.
fn nobody(id: &str) -> Said {
    let proper = id.strip_prefix("i-").is_some_and(|h| h.chars().all(|c| c.is_ascii_hexdigit()));
    match proper {
        true => no("InvalidInstanceID.NotFound", format!("The instance ID '{id}' does not exist")),
        false => no("InvalidInstanceID.Malformed", format!("Invalid id: \"{id}\"")),
    }
}
