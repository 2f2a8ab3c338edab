//! Hetzner Cloud: servers, floating IPs, zones and load balancers of one project.
//!
//! Names are unique in a project, so an order that is sent twice is refused with
//! `uniqueness_error`, and what stands under the name is taken for its answer where it carries the
//! order's label. All of ours carry two labels: `damm` is the tag, and `damm-fleet` the fleet, by
//! which listings ask.

mod addresses;
mod balancer;
mod cloud;
mod dns;
mod look;
mod said;
mod wire;

use std::net::IpAddr;
use std::sync::Arc;

use damm_clouds::traits::Result;
use damm_clouds::{Error, Tag};
use damm_fleet::{Asn, FailureClass};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::SetupError;
use crate::http::{Ask, Auth, Http, Pace, Reply, Reset};
use crate::look::Look;
use crate::origins::Origins;
use crate::registry::{Account, Parts};
use said::Said;
use wire::{Labelled, Labels, Page};

/// The label that holds the tag.
const TAG: &str = "damm";
/// The label that holds the fleet.
const FLEET: &str = "damm-fleet";

/// 3600 calls an hour for each project; one more comes back with each second.
const PACE: Pace = Pace {
    limit: "ratelimit-limit",
    remaining: "ratelimit-remaining",
    reset: "ratelimit-reset",
    at_reset: Reset::Full,
};

/// One project.
struct Hetzner {
    http: Http,
    fleet: String,
    image: String,
    ssh_key: Option<String>,
    user_data_limit: usize,
    origins: Origins,
}

/// Makes an account ready.
///
/// # Errors
///
/// When it has no token, or its endpoint is none.
pub fn open(account: Account) -> std::result::Result<Parts, SetupError> {
    let hetzner = connect(account)?;
    Ok(Parts { cloud: Some(hetzner.clone()), dns: Some(hetzner.clone()), balancer: Some(hetzner) })
}

/// Makes an account ready to be looked at.
///
/// # Errors
///
/// As [`open`].
pub fn look(account: Account) -> std::result::Result<Arc<dyn Look>, SetupError> {
    Ok(connect(account)?)
}

fn connect(account: Account) -> std::result::Result<Arc<Hetzner>, SetupError> {
    let http = account.http(Auth::Bearer(account.token()?), Some(PACE))?;
    let machines = account.sheet.machines.as_ref();
    Ok(Arc::new(Hetzner {
        http,
        image: account.image().unwrap_or_default().to_owned(),
        ssh_key: account.setting("ssh_key").map(str::to_owned),
        user_data_limit: machines.map_or(0, |m| m.capabilities.user_data_limit),
        fleet: account.fleet,
        origins: account.origins,
    }))
}

/// How an order that may have been filled before is sent.
struct Making<'a> {
    ask: Ask,
    /// Where things of its kind are listed.
    path: &'static str,
    name: &'a str,
    tag: &'a Tag,
}

impl Hetzner {
    fn asn(&self, address: IpAddr) -> Asn {
        self.origins.asn(address)
    }

    /// A refusal of our own: nothing was sent.
    fn refuse(&self, ask: &Ask, class: FailureClass, words: &str) -> Error {
        self.http.failed(ask, class, words, None)
    }

    /// A reference as the number that it is. What is no number never was.
    fn id(&self, ask: &Ask, reference: &str) -> Result<u64> {
        let none = |_| self.refuse(ask, FailureClass::Gone, "the reference is no number");
        reference.parse().map_err(none)
    }

    /// Makes a request whose answer's content matters not.
    async fn act(&self, ask: Ask) -> Result<()> {
        self.http.call(ask, &Said).await.map(drop)
    }

    async fn get<T: DeserializeOwned>(&self, ask: Ask) -> Result<T> {
        self.http.json(ask, &Said).await
    }

    /// All pages of a listing, or an error: also where something went while it was read, because
    /// then what moved up to an earlier page is missing.
    async fn all<T: DeserializeOwned>(&self, first: Ask) -> Result<Vec<T>> {
        let mut all = Vec::new();
        let (mut page, mut total) = (1, None);
        loop {
            let ask = first.clone().query("page", page);
            let found: Page<T> = self.get(ask).await?;
            all.extend(found.items);
            let pages = found.meta.pagination;
            let changed = total.is_some_and(|t| Some(t) != pages.total_entries);
            total = total.or(pages.total_entries);
            let torn = |words| Err(self.refuse(&first, FailureClass::Busy, words));
            match pages.next_page {
                _ if changed => return torn("the listing changed while it was read"),
                Some(next) if next > page => page = next,
                Some(_) => return torn("the listing's pages go in a circle"),
                None if total.is_some_and(|t| t != all.len() as u64) => {
                    return torn("the listing is not whole");
                }
                None => return Ok(all),
            }
        }
    }

    /// All of ours of a kind.
    async fn ours<T: DeserializeOwned + Labelled>(&self, ask: Ask, fleet: &str) -> Result<Vec<T>> {
        let ask = ask.query("label_selector", format!("{FLEET}={fleet}"));
        let mut all: Vec<T> = self.all(ask.query("per_page", 50)).await?;
        all.retain(|t| t.labels().get(FLEET).is_some_and(|f| f == fleet));
        Ok(all)
    }

    /// Makes a thing, or finds what the same order has made before.
    async fn make<T, M>(&self, making: Making<'_>) -> Result<T>
    where
        T: DeserializeOwned + Labelled,
        M: DeserializeOwned + Into<T>,
    {
        let Making { ask, path, name, tag } = making;
        let reply = self.http.send(ask.clone()).await?;
        if reply.is_success() {
            return self.http.read::<M>(&ask, &reply).map(Into::into);
        }
        if said::code(&reply).as_deref() != Some("uniqueness_error") {
            return Err(self.not_made(&ask, &reply));
        }
        let look = Ask::get(ask.operation, path).query("name", name);
        let found: Vec<T> = self.all(look).await?;
        let ours = |t: &T| t.labels().get(TAG).is_some_and(|l| *l == tag.to_string());
        match found.into_iter().next() {
            Some(thing) if ours(&thing) => Ok(thing),
            Some(_) => {
                let words = format!("`{name}` stands there already and is not this order's");
                Err(self.refuse(&ask, FailureClass::Rejected, &words))
            }
            // Listed late, or on its way out.
            None => Err(self.http.refusal(&ask, &reply, &Said)),
        }
    }

    /// What an order names and is not there is the size, the place or the image.
    fn not_made(&self, ask: &Ask, reply: &Reply) -> Error {
        let error = self.http.refusal(ask, reply, &Said);
        rather(error, FailureClass::Gone, FailureClass::Rejected)
    }
}

/// An error in which one class means another.
fn rather(mut error: Error, from: FailureClass, to: FailureClass) -> Error {
    if error.class == from {
        error.class = to;
    }
    error
}

/// The labels of a thing of ours.
#[derive(Serialize)]
struct OurLabels<'a> {
    #[serde(rename = "damm")]
    tag: String,
    #[serde(rename = "damm-fleet")]
    fleet: &'a str,
}

impl<'a> OurLabels<'a> {
    fn of(tag: &'a Tag) -> Self {
        Self { tag: tag.to_string(), fleet: &tag.fleet }
    }
}

/// Our mark on a thing, where it is readable.
fn tag(labels: &Labels) -> Option<Tag> {
    let tag: Tag = labels.get(TAG)?.parse().ok()?;
    (labels.get(FLEET) == Some(&tag.fleet)).then_some(tag)
}
