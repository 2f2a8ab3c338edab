//! Amazon Web Services: EC2, ELBv2 and Route 53, as their API references say. Requests have to be
//! signed, and parameters that a call does not have are refused.

mod addresses;
mod balancers;
mod form;
mod machines;
mod signature;
mod told;
mod zones;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use damm_clouds::{Clock, ManualClock};
use damm_fleet::blueprint::RecordSet;
use damm_fleet::{Span, Timestamp};

use crate::answer::Answer;
use crate::asked::{Asked, Luck};
use crate::front::{Api, Concern};
use crate::ids::Ids;
use crate::pool::Pool;

use addresses::Elastic;
use balancers::Group;
use form::{Form, No, Said};
use machines::Machine;
pub use signature::Key;
use zones::{Set, Zone};

/// From a machine's deletion to its end, where that takes long.
const SLOW: Span = Span::from_mins(10);

/// The region that the account works in.
pub const REGION: &str = "eu-north-1";

/// An account.
pub struct Aws {
    clock: ManualClock,
    key: Key,
    account: Mutex<Account>,
}

/// What an account holds.
struct Account {
    ids: Ids,
    privates: Pool,
    publics: Pool,
    machines: BTreeMap<String, Machine>,
    /// Client tokens with what was ordered by them, and the machine.
    tokens: BTreeMap<String, (String, String)>,
    elastics: BTreeMap<String, Elastic>,
    groups: Vec<Group>,
    zones: Vec<Zone>,
    quota: usize,
    address_quota: usize,
}

impl Aws {
    /// An account with a key, room for so many machines and addresses, and nothing in it.
    pub fn new(clock: ManualClock, key: Key, quota: usize, address_quota: usize) -> Self {
        let account = Account {
            ids: Ids::default(),
            privates: Pool::of("172.31.0.0/16"),
            publics: Pool::of("198.51.100.0/22"),
            machines: BTreeMap::new(),
            tokens: BTreeMap::new(),
            elastics: BTreeMap::new(),
            groups: Vec::new(),
            zones: Vec::new(),
            quota,
            address_quota,
        };
        Self { clock, key, account: Mutex::new(account) }
    }

    /// Adds a target group, whose targets are machines or addresses.
    pub fn add_group(&self, name: &str, by_address: bool) {
        let arn = format!(
            "arn:aws:elasticloadbalancing:{REGION}:123456789012:targetgroup/{name}/73e2d6bc24d8a067"
        );
        let group = Group { name: name.to_owned(), arn, by_address, targets: Vec::new() };
        self.lock().groups.push(group);
    }

    /// Adds a zone, for the internet or for private networks alone, with the records that every
    /// zone has.
    pub fn add_zone(&self, name: &str, private: bool) {
        let mut account = self.lock();
        let id = format!("Z{}", account.ids.hex(13).to_uppercase());
        let mut zone = Zone { id, name: name.to_owned(), private, sets: BTreeMap::new() };
        for (kind, value) in [("NS", "ns-1.awsdns-01.org."), ("SOA", "ns-1. hostmaster. 1 2 3 4 5")]
        {
            let (name, kind) = (name.to_owned(), kind.to_owned());
            zone.put(Set { name, kind, ttl: 900, values: vec![value.to_owned()] });
        }
        account.zones.push(zone);
    }

    /// Puts addresses at a name of the first zone, without a mark.
    pub fn put_foreign(&self, name: &str, set: &RecordSet) {
        let mut account = self.lock();
        for address in &set.addresses {
            let kind = zones::kind(*address).to_owned();
            let (name, ttl) = (name.to_owned(), set.ttl.as_millis() / 1_000);
            let values = vec![address.to_string()];
            account.zones[0].put(Set { name, kind, ttl, values });
        }
    }

    /// Puts any record at a name of the first zone.
    pub fn put_record(&self, name: &str, kind: &str, value: &str) {
        let (name, kind, values) = (name.to_owned(), kind.to_owned(), vec![value.to_owned()]);
        self.lock().zones[0].put(Set { name, kind, ttl: 60, values });
    }

    /// Gives addresses of this prefix of IPv4 from now on.
    pub fn give_from(&self, prefix: &str) {
        self.lock().publics = Pool::of(prefix);
    }

    /// Lets the account hold so many.
    pub fn set_quota(&self, machines: usize, addresses: usize) {
        let mut account = self.lock();
        (account.quota, account.address_quota) = (machines, addresses);
    }

    /// Somebody else moves an address to a machine; tells whether that could be done.
    pub fn steal(&self, address: &str, machine: &str) -> bool {
        self.lock().steal(address, machine)
    }

    /// The tags of everything in the account that has any.
    pub fn tags(&self) -> Vec<BTreeMap<String, String>> {
        let account = self.lock();
        let machines = account.machines.values().map(|m| m.tags.clone());
        machines.chain(account.elastics.values().map(|e| e.tags.clone())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Account> {
        // A panic in a double fails its test anyway.
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Api for Aws {
    async fn answer(&self, asked: &Asked) -> Answer {
        let now = self.clock.now();
        let form = Form::of(asked);
        let (action, version) = (form.get("Action"), form.get("Version"));
        let (service, region) = match (asked.path.starts_with("/2013-04-01/"), version) {
            (true, _) => ("route53", "us-east-1"),
            (false, Some("2015-12-01")) => ("elasticloadbalancing", REGION),
            _ => ("ec2", REGION),
        };
        let action = action.unwrap_or_default();
        let verified = signature::verify(asked, &self.key, service, region, now);
        let refusal = verified.map_err(|(status, code)| No(status, code, code.to_owned()));
        let mut account = self.lock();
        account.let_go(now);
        match (service, refusal) {
            ("route53", Err(no)) => form::sender("", &no),
            ("route53", Ok(())) => zones::answer(&mut account.zones, asked),
            ("ec2", said) => {
                let said = said.and_then(|()| account.ec2(action, &form, asked.luck, now));
                form::ec2(action, said)
            }
            (_, said) => form::elb(action, said.and_then(|()| account.elb(action, &form, now))),
        }
    }

    fn concern(&self, asked: &Asked) -> Concern {
        let form = Form::of(asked);
        let reads = form.get("Action").is_some_and(|a| a.starts_with("Describe"));
        match reads || asked.method == "GET" {
            true => Concern::Read,
            false => Concern::Write,
        }
    }

    fn throttled(&self, retry_after: Option<Span>) -> Answer {
        let words = "Request limit exceeded.".to_owned();
        let answer = form::ec2("", Err(No(503, "RequestLimitExceeded", words)));
        match retry_after {
            Some(span) => answer.with("retry-after", span.as_millis() / 1_000),
            None => answer,
        }
    }

    fn unauthorized(&self) -> Answer {
        let words = "AWS was not able to validate the provided access credentials".to_owned();
        form::ec2("", Err(No(401, "AuthFailure", words)))
    }

    fn busy(&self, asked: &Asked) -> Option<Answer> {
        let words = "it is not in a valid state for this operation".to_owned();
        if asked.path.starts_with("/2013-04-01/") {
            return Some(form::sender("", &No(400, "PriorRequestNotComplete", words)));
        }
        let code = match Form::of(asked).get("Action")? {
            "TerminateInstances" => "IncorrectInstanceState",
            "AssociateAddress" => "InvalidInstanceID",
            "AssignPrivateIpAddresses" | "DisassociateAddress" => "IncorrectState",
            _ => return None,
        };
        Some(form::ec2("", Err(No(400, code, words))))
    }

    fn refused(&self, words: &str) -> Answer {
        form::ec2("", Err(No(400, "InvalidParameterValue", words.to_owned())))
    }
}

impl Account {
    fn ec2(&mut self, action: &str, form: &Form, luck: Luck, now: Timestamp) -> Said {
        match action {
            "DescribeImages" => self.describe_images(form),
            "DescribeInstanceTypes" => self.describe_sizes(form),
            "DescribeAccountAttributes" => self.describe_account(form),
            "DescribeAvailabilityZones" => self.describe_zones(form),
            "RunInstances" => self.run_instances(form, luck, now),
            "DescribeInstances" => self.describe_instances(form, now),
            "TerminateInstances" => self.terminate_instances(form, luck, now),
            "AssignPrivateIpAddresses" => self.assign_private(form, now),
            "AllocateAddress" => self.allocate(form, luck, now),
            "DescribeAddresses" => self.describe_addresses(form, now),
            "AssociateAddress" => self.associate(form, luck, now),
            "DisassociateAddress" => self.disassociate(form),
            "ReleaseAddress" => self.release(form),
            _ => form::no("InvalidAction", format!("The action {action} is not valid")),
        }
    }

    fn elb(&mut self, action: &str, form: &Form, now: Timestamp) -> Said {
        match action {
            "DescribeTargetGroups" => self.describe_groups(form),
            "DescribeTargetHealth" => self.describe_health(form, now),
            "RegisterTargets" => self.register(form, now),
            "DeregisterTargets" => self.deregister(form, now),
            _ => form::no("InvalidAction", format!("The action {action} is not valid")),
        }
    }
}
