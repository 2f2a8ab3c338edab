//! Amazon Web Services: EC2 machines, elastic addresses, Route 53 and ELBv2, over their plain HTTP
//! interfaces. One account works in one region.
//!
//! - Machines: `RunInstances` with a client token made from the idempotency key and with our tags
//!   in the same call. They stand in the region's default network unless a subnet is named, with a
//!   public address of their own.
//! - Addresses: each elastic address goes to a secondary private address of the machine's first
//!   interface. On the primary one it would take the place of the machine's own public address.
//!   Machines are made with such addresses; smaller sizes than `t3.small` have room for one only.
//! - Names: marked by a TXT record that is written in the same batch as the addresses.
//! - Balancers: the topology's balancer is a target group by that name.
//!
//! What a key has to be allowed: `ec2:Describe{Images,InstanceTypes,Instances,Addresses}`,
//! `ec2:RunInstances`, `ec2:TerminateInstances`, `ec2:CreateTags`, `ec2:AssignPrivateIpAddresses`,
//! `ec2:{Allocate,Associate,Disassociate,Release}Address`,
//! `elasticloadbalancing:Describe{TargetGroups,TargetHealth}`,
//! `elasticloadbalancing:{Register,Deregister}Targets`, `route53:ListHostedZonesByName`,
//! `route53:ListResourceRecordSets`, `route53:ChangeResourceRecordSets`; and to be looked at,
//! `ec2:Describe{AccountAttributes,AvailabilityZones}`.

mod addresses;
mod balancer;
mod changes;
mod cloud;
mod dialect;
mod dns;
mod images;
mod instance;
mod look;
pub mod service;
pub mod sign;
mod tags;
pub mod xml;

use std::sync::Arc;

use crate::error::SetupError;
use crate::http::{Auth, Http, HttpParts};
use crate::look::Look;
use crate::origins::Origins;
use crate::registry::{Account, Parts};

use dns::Zones;
use service::{Query, Service};
use sign::{Key, Scope};

/// The version of EC2's interface (2016-11-15) is the only one that is documented.
const EC2: &str = "2016-11-15";

/// The version of ELBv2's interface.
const ELB: &str = "2015-12-01";

/// One account in one region.
pub struct Aws {
    ec2: Service,
    elb: Service,
    region: String,
    /// The image, by name or id.
    image: String,
    security_group: Option<String>,
    subnet: Option<String>,
    /// The most bytes of user data.
    user_data_limit: usize,
    /// Elastic addresses that one machine may hold.
    max_addresses: u32,
    origins: Origins,
    fleet: String,
}

/// Opens an account.
///
/// # Errors
///
/// When its settings or credentials are not as they should be.
pub fn open(account: Account) -> Result<Parts, SetupError> {
    let zones = Arc::new(Zones::new(service(&account, Name::Route53)?));
    let aws = connect(account)?;
    Ok(Parts { cloud: Some(aws.clone()), dns: Some(zones), balancer: Some(aws) })
}

/// Makes an account ready to be looked at.
///
/// # Errors
///
/// As [`open`].
pub fn look(account: Account) -> Result<Arc<dyn Look>, SetupError> {
    Ok(connect(account)?)
}

/// One of the services, as the account's region has it.
fn service(account: &Account, name: Name) -> Result<Service, SetupError> {
    let key = Key::read(&account.token()?)?;
    let (host, scope) = name.place(account.setting("region").unwrap_or_default());
    let base = account.provider.endpoint.clone().unwrap_or(host);
    let base = base.trim_end_matches('/').to_owned();
    let parts = HttpParts {
        account: account.name.clone(),
        base: base.clone(),
        auth: Auth::None,
        pace: None,
        clock: account.clock.clone(),
        ca: account.ca.clone(),
        patience: crate::http::TOTAL,
    };
    Ok(Service::new(Http::new(parts)?, base, key, scope))
}

fn connect(account: Account) -> Result<Arc<Aws>, SetupError> {
    let setting = |name: &str| account.setting(name).map(str::to_owned);
    let machines = account.sheet.machines.as_ref();
    Ok(Arc::new(Aws {
        ec2: service(&account, Name::Ec2)?,
        elb: service(&account, Name::Elb)?,
        image: account.image().unwrap_or_default().to_owned(),
        security_group: setting("security_group"),
        subnet: setting("subnet"),
        user_data_limit: machines.map_or(0, |m| m.capabilities.user_data_limit),
        max_addresses: machines.map_or(0, |m| m.capabilities.max_addresses),
        origins: account.origins.clone(),
        fleet: account.fleet.clone(),
        region: setting("region").unwrap_or_default(),
    }))
}

/// A service of the vendor.
#[derive(Debug, Clone, Copy)]
enum Name {
    Ec2,
    Elb,
    Route53,
}

impl Name {
    /// Where it is, and for what its requests are signed. Route 53 has one place for each partition
    /// of the regions.
    fn place(self, region: &str) -> (String, Scope) {
        let (domain, home) = match region {
            r if r.starts_with("cn-") => ("amazonaws.com.cn", "cn-northwest-1"),
            r if r.starts_with("us-gov-") => ("us-gov.amazonaws.com", "us-gov-west-1"),
            _ => ("amazonaws.com", "us-east-1"),
        };
        let local = if domain.ends_with(".cn") { domain } else { "amazonaws.com" };
        let (host, service, region) = match self {
            Self::Ec2 => (format!("ec2.{region}.{local}"), "ec2", region),
            Self::Elb => {
                let host = format!("elasticloadbalancing.{region}.{local}");
                (host, "elasticloadbalancing", region)
            }
            Self::Route53 => (format!("route53.{domain}"), "route53", home),
        };
        (format!("https://{host}"), Scope { service, region: region.to_owned() })
    }
}

impl Aws {
    fn ec2(&self, operation: &'static str, action: &'static str) -> Query {
        Query::new(operation, action, EC2)
    }

    fn elb(&self, operation: &'static str, action: &'static str) -> Query {
        Query::new(operation, action, ELB)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_found_in_every_partition() {
        let place = |name: Name, region: &str| {
            let (host, scope) = name.place(region);
            (host, scope.region)
        };
        for (name, region, host, signed) in [
            (Name::Ec2, "eu-north-1", "https://ec2.eu-north-1.amazonaws.com", "eu-north-1"),
            (Name::Ec2, "cn-north-1", "https://ec2.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            (Name::Route53, "eu-north-1", "https://route53.amazonaws.com", "us-east-1"),
            (
                Name::Elb,
                "us-gov-east-1",
                "https://elasticloadbalancing.us-gov-east-1.amazonaws.com",
                "us-gov-east-1",
            ),
            (
                Name::Route53,
                "us-gov-east-1",
                "https://route53.us-gov.amazonaws.com",
                "us-gov-west-1",
            ),
        ] {
            assert_eq!(place(name, region), (host.to_owned(), signed.to_owned()));
        }
    }
}
