//! From a topology's accounts at vendors to the traits that the engine calls.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use damm_clouds::{Balancer, Clock, Cloud, Dns, Providers};
use damm_fleet::topology::{Provider, ProviderKind};
use damm_fleet::vendor::{Endpoint, Secret as Asked, Sheet};
use damm_fleet::{ProviderName, Topology};

use crate::credentials::{self, Environment, Secret};
use crate::error::SetupError;
use crate::http::{Auth, Http, HttpParts, Pace};
use crate::look::Look;
use crate::origins::{Origins, Table};

/// One account at a vendor, as its adapter is made from.
pub struct Account {
    /// Its name in the topology.
    pub name: ProviderName,
    /// The fleet's name.
    pub fleet: String,
    /// What the topology says of it.
    pub provider: Provider,
    /// The vendor's row.
    pub sheet: &'static Sheet,
    /// The secret; none where none is needed.
    pub secret: Option<Secret>,
    /// Where the networks of its addresses are looked up.
    pub origins: Origins,
    /// Authorities to trust instead of the machine's.
    pub ca: Option<PathBuf>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

/// What an account gives.
#[derive(Default)]
pub struct Parts {
    /// Its machines and addresses.
    pub cloud: Option<Arc<dyn Cloud>>,
    /// Its zones.
    pub dns: Option<Arc<dyn Dns>>,
    /// Its load balancers.
    pub balancer: Option<Arc<dyn Balancer>>,
}

impl Account {
    /// Makes an account ready: reads its secret. Paths are found from `base`.
    ///
    /// # Errors
    ///
    /// When the secret is not there.
    pub fn open(
        topology: &Topology,
        name: &ProviderName,
        provider: &Provider,
        sheet: &'static Sheet,
        around: &Around<'_>,
    ) -> Result<Self, SetupError> {
        let secret = match (&provider.credentials, sheet.secret) {
            (Some(credentials), _) => {
                Some(credentials::read(credentials, around.base, around.environment)?)
            }
            (None, Asked::None) => None,
            (None, _) => return Err(SetupError::Credentials("the topology names none".to_owned())),
        };
        Ok(Self {
            name: name.clone(),
            fleet: topology.fleet.clone(),
            provider: provider.clone(),
            sheet,
            secret,
            origins: Origins::new(provider.asns.clone()).with(around.origins.clone()),
            ca: provider.ca.as_ref().map(|file| around.base.join(file)),
            clock: around.clock.clone(),
        })
    }

    /// The API's base: what the account says, or else the vendor's own.
    pub fn endpoint(&self) -> String {
        let known = match self.sheet.endpoint {
            Endpoint::Known(base) => base,
            Endpoint::Asked(_) => "",
        };
        let base = self.provider.endpoint.as_deref().unwrap_or(known);
        base.trim_end_matches('/').to_owned()
    }

    /// One of the account's settings.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.provider.settings.get(name).map(String::as_str)
    }

    /// The image that machines are made from, by name.
    pub fn image(&self) -> Option<&str> {
        let own = self.sheet.machines.as_ref().map(|m| m.image);
        self.provider.image.as_deref().or(own)
    }

    /// The account's token.
    ///
    /// # Errors
    ///
    /// When the topology names no credentials.
    pub fn token(&self) -> Result<Secret, SetupError> {
        let none = || SetupError::Credentials("the topology names none".to_owned());
        self.secret.clone().ok_or_else(none)
    }

    /// The account's way to its vendor.
    ///
    /// # Errors
    ///
    /// As [`Http::new`].
    pub fn http(&self, auth: Auth, pace: Option<Pace>) -> Result<Http, SetupError> {
        Http::new(HttpParts {
            account: self.name.clone(),
            base: self.endpoint(),
            auth,
            pace,
            clock: self.clock.clone(),
            ca: self.ca.clone(),
            patience: crate::http::TOTAL,
        })
    }
}

/// What accounts are opened with.
pub struct Around<'a> {
    /// The directory that the topology's paths are found from.
    pub base: &'a Path,
    /// Where environment variables come from.
    pub environment: Environment<'a>,
    /// Which autonomous system announces an address, where the operator gave a table.
    pub origins: Option<Arc<Table>>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

/// Adds a topology's accounts at vendors to what the engine calls. Nothing is called yet.
///
/// # Errors
///
/// The first account that can't be set up, by name.
pub fn connect(
    providers: &mut Providers,
    topology: &Topology,
    around: &Around<'_>,
) -> Result<(), SetupError> {
    for name in topology.providers.keys() {
        let Some(parts) = open(topology, name, around)? else {
            continue;
        };
        providers.clouds.extend(parts.cloud.map(|c| (name.clone(), c)));
        providers.dns.extend(parts.dns.map(|d| (name.clone(), d)));
        providers.balancers.extend(parts.balancer.map(|b| (name.clone(), b)));
    }
    Ok(())
}

/// One account of a topology; none when it is not at a vendor. Nothing is called yet.
///
/// # Errors
///
/// When it can't be set up; the error names it.
pub fn open(
    topology: &Topology,
    name: &ProviderName,
    around: &Around<'_>,
) -> Result<Option<Parts>, SetupError> {
    account(topology, name, around).and_then(|a| a.map(adapter).transpose()).map_err(of(name))
}

/// What one account of a topology says of itself; none when it is not at a vendor, or can't be
/// asked. Nothing is called yet.
///
/// # Errors
///
/// When it can't be set up; the error names it.
pub fn look(
    topology: &Topology,
    name: &ProviderName,
    around: &Around<'_>,
) -> Result<Option<Arc<dyn Look>>, SetupError> {
    let account = account(topology, name, around).map_err(of(name))?;
    account.map_or(Ok(None), |a| looker(a).map_err(of(name)))
}

fn of(name: &ProviderName) -> impl Fn(SetupError) -> SetupError {
    move |cause| SetupError::Account { account: name.clone(), cause: Box::new(cause) }
}

fn account(
    topology: &Topology,
    name: &ProviderName,
    around: &Around<'_>,
) -> Result<Option<Account>, SetupError> {
    let provider = topology.providers.get(name);
    let sheet = provider.and_then(|p| p.kind.sheet());
    match (provider, sheet) {
        (Some(provider), Some(sheet)) => {
            Account::open(topology, name, provider, sheet, around).map(Some)
        }
        _ => Ok(None),
    }
}

/// What can be asked of an account, by its kind.
fn looker(account: Account) -> Result<Option<Arc<dyn Look>>, SetupError> {
    match account.provider.kind {
        #[cfg(feature = "aws")]
        ProviderKind::Aws => crate::aws::look(account).map(Some),
        #[cfg(feature = "digitalocean")]
        ProviderKind::DigitalOcean => crate::digitalocean::look(account).map(Some),
        #[cfg(feature = "hetzner")]
        ProviderKind::Hetzner => crate::hetzner::look(account).map(Some),
        #[cfg(feature = "linode")]
        ProviderKind::Linode => crate::linode::look(account).map(Some),
        #[cfg(feature = "vultr")]
        ProviderKind::Vultr => crate::vultr::look(account).map(Some),
        #[cfg(feature = "openstack")]
        ProviderKind::OpenStack => crate::openstack::look(account).map(Some),
        _ => Ok(None),
    }
}

/// The adapter of an account, by its kind.
///
/// # Errors
///
/// When the account can't be set up, or its kind was left out of this build.
pub fn adapter(account: Account) -> Result<Parts, SetupError> {
    match account.provider.kind {
        #[cfg(feature = "aws")]
        ProviderKind::Aws => crate::aws::open(account),
        #[cfg(feature = "digitalocean")]
        ProviderKind::DigitalOcean => crate::digitalocean::open(account),
        #[cfg(feature = "hetzner")]
        ProviderKind::Hetzner => crate::hetzner::open(account),
        #[cfg(feature = "openstack")]
        ProviderKind::OpenStack => crate::openstack::open(account),
        #[cfg(feature = "haproxy")]
        ProviderKind::HaProxy => crate::haproxy::open(account),
        #[cfg(feature = "powerdns")]
        ProviderKind::PowerDns => crate::powerdns::open(account),
        #[cfg(feature = "cloudflare")]
        ProviderKind::Cloudflare => crate::cloudflare::open(account),
        #[cfg(feature = "rfc2136")]
        ProviderKind::Rfc2136 => crate::rfc2136::open(account),
        #[cfg(feature = "vultr")]
        ProviderKind::Vultr => crate::vultr::open(account),
        #[cfg(feature = "linode")]
        ProviderKind::Linode => crate::linode::open(account),
        _ => Err(SetupError::LeftOut(account.sheet.name)),
    }
}
