//! Vendors: for each one row of what its API can do, what it charges, and what its accounts have to
//! say in the topology. Data alone; the code that calls them is in the room `vendors`.

mod aws;
mod cloudflare;
mod digitalocean;
mod haproxy;
mod hetzner;
mod linode;
mod openstack;
mod powerdns;
mod rfc2136;
mod vultr;

use crate::offer::{Capabilities, Offer};
use crate::topology::ProviderKind;
use crate::units::Usd;

/// One vendor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// The kind as the topology writes it.
    pub name: &'static str,
    /// The vendor's or the program's own name.
    pub title: &'static str,
    /// What the secret has to be, for messages and for `damm providers`.
    pub secret: Secret,
    /// What the account's `endpoint` is; none when the vendor has one address for all.
    pub endpoint: Endpoint,
    /// What the account's `settings` may say.
    pub settings: &'static [Setting],
    /// What its machines and addresses are like; none when it has none.
    pub machines: Option<Machines>,
    /// What its zones can do; none when it has none.
    pub dns: Option<Dns>,
    /// What its load balancers can do; none when it has none.
    pub balancers: Option<Balancers>,
}

/// What stands in an account's credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secret {
    /// Nothing is needed.
    None,
    /// One token, and what it has to be allowed.
    Token(&'static str),
    /// Several values by name, as lines `name = value` or as a JSON object; those whose name ends
    /// in `?` may be left out.
    Fields(&'static [&'static str]),
}

/// Where an account's API is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// Here, unless the account says otherwise.
    Known(&'static str),
    /// The account has to say: what, with an example.
    Asked(&'static str),
}

/// One word that an account's `settings` may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// The key.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// Whether it has to be given.
    pub required: bool,
}

/// What a vendor's machines and addresses are like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machines {
    /// What its API can do.
    pub capabilities: Capabilities,
    /// The image that machines are made from unless the account says another; by its name.
    pub image: &'static str,
    /// What it charges.
    pub prices: PriceTable,
    /// Sizes that hold fewer addresses than the others do, and how many beside their own.
    pub fewer: &'static [(&'static str, u32)],
}

/// A vendor's list prices in US dollars a month, before tax.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceTable {
    /// Where they are published.
    pub source: &'static str,
    /// When they were taken down, as year and month.
    pub date: &'static str,
    /// Thousandths of a dollar for each size.
    pub machines: &'static [(&'static str, i64)],
    /// Thousandths of a dollar for one more address in use.
    pub address: i64,
}

/// What a vendor's zones can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dns {
    /// How a record set shows whose it is.
    pub mark: &'static str,
    /// Whether a change is refused when another one came between.
    pub compare_and_set: bool,
}

/// What a vendor's load balancers can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balancers {
    /// Whether a target can be kept from new connections while it keeps those it has.
    pub drains: bool,
    /// What a target is named by.
    pub targets: &'static str,
}

impl ProviderKind {
    /// All kinds, in the order of the documentation.
    pub const ALL: [Self; 12] = [
        Self::Sim,
        Self::Lab,
        Self::Hetzner,
        Self::DigitalOcean,
        Self::Linode,
        Self::Vultr,
        Self::Aws,
        Self::OpenStack,
        Self::Rfc2136,
        Self::PowerDns,
        Self::Cloudflare,
        Self::HaProxy,
    ];

    /// The vendor's row; none for the kinds that run on this machine.
    pub const fn sheet(self) -> Option<&'static Sheet> {
        Some(match self {
            Self::Sim | Self::Lab => return None,
            Self::Hetzner => &hetzner::SHEET,
            Self::DigitalOcean => &digitalocean::SHEET,
            Self::Linode => &linode::SHEET,
            Self::Vultr => &vultr::SHEET,
            Self::Aws => &aws::SHEET,
            Self::OpenStack => &openstack::SHEET,
            Self::Rfc2136 => &rfc2136::SHEET,
            Self::PowerDns => &powerdns::SHEET,
            Self::Cloudflare => &cloudflare::SHEET,
            Self::HaProxy => &haproxy::SHEET,
        })
    }

    /// Whether accounts of this kind hold machines.
    pub const fn has_machines(self) -> bool {
        match self.sheet() {
            Some(sheet) => sheet.machines.is_some(),
            None => true,
        }
    }

    /// Whether accounts of this kind hold zones.
    pub const fn has_dns(self) -> bool {
        match self.sheet() {
            Some(sheet) => sheet.dns.is_some(),
            None => matches!(self, Self::Sim),
        }
    }

    /// Whether accounts of this kind hold load balancers.
    pub const fn has_balancers(self) -> bool {
        match self.sheet() {
            Some(sheet) => sheet.balancers.is_some(),
            None => matches!(self, Self::Sim),
        }
    }
}

impl Sheet {
    /// What the vendor offers at list prices; nothing when it has no machines.
    pub fn offer(&self) -> Offer {
        let Some(machines) = &self.machines else {
            return Offer {
                capabilities: Capabilities::NONE,
                machines: Default::default(),
                fewer: Default::default(),
                address: Usd::ZERO,
            };
        };
        let prices = machines.prices.machines.iter();
        Offer {
            capabilities: machines.capabilities.clone(),
            machines: prices.map(|(s, p)| ((*s).to_owned(), Usd::from_mills(*p))).collect(),
            fewer: machines.fewer.iter().map(|(s, n)| ((*s).to_owned(), *n)).collect(),
            address: Usd::from_mills(machines.prices.address),
        }
    }
}
