//! OpenStack clouds: Keystone, Nova, Neutron, Glance and Octavia, for one project in one region.
//!
//! - Calls: by an application credential. Its token is kept, renewed before it ends, and once when
//!   a service no longer takes it: a request that was refused as unauthorized did nothing.
//! - Machines: the tag `damm.<fleet>`, by which listings ask, and the metadata `damm`, which is our
//!   whole mark (a tag of Nova is too short for it), are set in the call that creates. Nothing
//!   keeps an order from being filled twice, so what a lost answer made is found by the two.
//! - Addresses: floating addresses stand behind translation, each leading to an address of its own
//!   inside: the machine gets one more where all are taken. Our mark is the description, which
//!   alone can be set in the call that allocates. Neutron would steal an address that is attached
//!   elsewhere, so it is looked at first, and changed only if nobody else did meanwhile.
//! - Balancers: members of the pool of the load balancer by that name. Octavia refuses a write
//!   while another one is under way: that is `Busy`.

mod addresses;
mod balancer;
mod catalog;
mod choose;
mod cloud;
mod look;
mod pages;
mod said;
mod session;
mod wire;

use std::sync::Arc;

use damm_clouds::Error;
use damm_clouds::traits::Result;
use damm_fleet::FailureClass;

use crate::credentials;
use crate::error::SetupError;
use crate::http::Ask;
use crate::look::Look;
use crate::origins::Origins;
use crate::registry::{Account, Parts};
use session::Keystone;

/// The oldest version of Nova that takes tags in the call that creates (Pike, 2017).
const MICROVERSION: &str = "compute 2.52";

/// One project in one region.
struct OpenStack {
    keystone: Keystone,
    fleet: String,
    image: String,
    networks: Networks,
    security_group: Option<String>,
    /// Gigabytes of the volume that machines boot from; none: from their size's disk.
    volume: Option<u32>,
    /// What the topology says where machines can stand anywhere.
    region: Option<String>,
    user_data_limit: usize,
    /// Floating addresses that one machine may hold.
    max_addresses: usize,
    origins: Origins,
}

/// Networks, by name or id.
struct Networks {
    /// Machines' own.
    own: String,
    /// What floating addresses come from.
    floating: String,
    /// What floating addresses lead into, where it is not machines' own.
    inner: Option<String>,
}

/// Makes an account ready.
///
/// # Errors
///
/// When its credentials, its endpoint or its settings are not as they should be.
pub fn open(account: Account) -> std::result::Result<Parts, SetupError> {
    let cloud = connect(account)?;
    Ok(Parts { cloud: Some(cloud.clone()), balancer: Some(cloud), ..Parts::default() })
}

/// Makes an account ready to be looked at.
///
/// # Errors
///
/// As [`open`].
pub fn look(account: Account) -> std::result::Result<Arc<dyn Look>, SetupError> {
    Ok(connect(account)?)
}

fn connect(account: Account) -> std::result::Result<Arc<OpenStack>, SetupError> {
    let secret = account.token()?;
    let names = ["application_credential_id", "application_credential_secret"];
    let fields = credentials::fields(&secret, &names)?;
    let keystone = Keystone::new(&account, &fields[names[0]], &fields[names[1]])?;
    let setting = |name: &str| account.setting(name).map(str::to_owned);
    let needed = |name: &'static str| setting(name).ok_or(SetupError::NoSetting(name));
    let machines = account.sheet.machines.as_ref().map(|m| &m.capabilities);
    Ok(Arc::new(OpenStack {
        keystone,
        image: account.image().unwrap_or_default().to_owned(),
        networks: Networks {
            own: needed("network")?,
            floating: needed("floating_network")?,
            inner: setting("inner_network"),
        },
        security_group: setting("security_group"),
        volume: setting("volume").map(|text| gigabytes(&text)).transpose()?,
        region: setting("region"),
        user_data_limit: machines.map_or(0, |m| m.user_data_limit),
        max_addresses: machines.map_or(0, |m| m.max_addresses as usize),
        origins: account.origins.clone(),
        fleet: account.fleet,
    }))
}

fn gigabytes(text: &str) -> std::result::Result<u32, SetupError> {
    let why = || "it has to be a number of gigabytes, as in 20".to_owned();
    let number = text.parse().ok().filter(|n| *n > 0);
    number.ok_or_else(|| SetupError::Setting { name: "volume", why: why() })
}

impl OpenStack {
    /// A refusal of our own: nothing was changed.
    fn refuse(&self, operation: &'static str, class: FailureClass, words: &str) -> Error {
        self.keystone.refuse(operation, class, words)
    }

    /// A request about one thing, whose reference has to be what references are. What is none never
    /// was.
    fn of(&self, ask: Ask, reference: &str) -> Result<Ask> {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
        match !reference.is_empty() && reference.chars().all(fits) {
            true => Ok(ask),
            false => {
                let words = "the reference is none that this cloud gives";
                Err(self.refuse(ask.operation, FailureClass::Gone, words))
            }
        }
    }
}

/// An error in which one class means another.
fn rather(mut error: Error, from: FailureClass, to: FailureClass) -> Error {
    if error.class == from {
        error.class = to;
    }
    error
}
