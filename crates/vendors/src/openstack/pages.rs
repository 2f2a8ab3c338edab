//! Listings: each page says what the next one begins after.

use std::collections::BTreeSet;

use damm_clouds::Error;
use damm_clouds::traits::Result;
use damm_fleet::FailureClass;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::OpenStack;
use super::catalog::Service;
use crate::http::Ask;

/// Things asked for at a time; a cloud may give fewer.
const PAGE: usize = 500;

/// A thing of a listing.
pub trait Listed: DeserializeOwned {
    /// What the cloud calls it.
    fn id(&self) -> &str;
}

/// One page of any listing.
#[derive(Deserialize)]
struct Page<T> {
    #[serde(
        alias = "servers",
        alias = "flavors",
        alias = "images",
        alias = "networks",
        alias = "ports",
        alias = "floatingips",
        alias = "loadbalancers",
        alias = "listeners",
        alias = "members"
    )]
    items: Vec<T>,
    #[serde(
        default,
        alias = "servers_links",
        alias = "flavors_links",
        alias = "networks_links",
        alias = "ports_links",
        alias = "floatingips_links",
        alias = "loadbalancers_links",
        alias = "listeners_links",
        alias = "members_links"
    )]
    links: Vec<Link>,
    /// Glance's.
    next: Option<String>,
}

#[derive(Deserialize)]
struct Link {
    rel: String,
}

impl<T> Page<T> {
    /// Whether there may be more. The next page's address is not followed, but asked for anew:
    /// behind proxies clouds write addresses that lead nowhere.
    fn goes_on(&self) -> bool {
        let linked = self.next.is_some() || self.links.iter().any(|l| l.rel == "next");
        !self.items.is_empty() && (linked || self.items.len() >= PAGE)
    }
}

impl OpenStack {
    /// All pages of a listing, or an error.
    pub(super) async fn all<T: Listed>(&self, service: Service, first: Ask) -> Result<Vec<T>> {
        let first = first.query("limit", PAGE);
        let (mut all, mut seen) = (Vec::<T>::new(), BTreeSet::new());
        loop {
            let next = match all.last() {
                Some(last) => first.clone().query("marker", last.id()),
                None => first.clone(),
            };
            let page = self.keystone.json::<Page<T>>(service, next).await;
            let page = page.map_err(|e| if all.is_empty() { e } else { torn(e) })?;
            let goes_on = page.goes_on();
            let known = page.items.iter().filter(|i| !seen.insert(i.id().to_owned())).count();
            all.extend(page.items);
            match goes_on {
                _ if known > 0 => {
                    let words = "the listing changed while it was read";
                    return Err(self.refuse(first.operation, FailureClass::Busy, words));
                }
                true => {}
                false => return Ok(all),
            }
        }
    }
}

/// What the last page ended with may be gone by the time the next one is asked for.
fn torn(error: Error) -> Error {
    match error.class {
        FailureClass::Rejected | FailureClass::Gone => {
            let message = format!("the listing changed while it was read: {}", error.message);
            Error { class: FailureClass::Busy, message, ..error }
        }
        _ => error,
    }
}
