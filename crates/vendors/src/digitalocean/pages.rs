//! Listings in pages.

use std::collections::BTreeMap;

use damm_clouds::Error;
use damm_fleet::FailureClass;
use reqwest::Url;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{DigitalOcean, Words};
use crate::http::Ask;

/// The most that a page holds.
const PER_PAGE: usize = 200;

/// No listing has more pages; one that goes on is a fault.
const MOST: usize = 1_000;

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    links: Links,
    meta: Meta,
    #[serde(flatten)]
    items: BTreeMap<String, Value>,
}

#[derive(Default, Deserialize)]
struct Links {
    #[serde(default)]
    pages: Option<Pages>,
}

#[derive(Default, Deserialize)]
struct Pages {
    next: Option<String>,
}

#[derive(Deserialize)]
struct Meta {
    total: u64,
}

impl DigitalOcean {
    /// All items of a listing, or a failure.
    ///
    /// Pages are numbered, so what goes between two of them would let another thing be skipped:
    /// when the total changes, the listing fails.
    pub(super) async fn all<T: DeserializeOwned>(
        &self,
        ask: Ask,
        key: &str,
    ) -> Result<Vec<T>, Error> {
        let first = ask.clone().query("per_page", PER_PAGE);
        let unknown = |words: &str| self.http.failed(&ask, FailureClass::Unknown, words, None);
        let (mut items, mut total, mut next) = (Vec::new(), None, first);
        for _ in 0..MOST {
            let mut page: Page = self.http.json(next, &Words).await?;
            if total.replace(page.meta.total).is_some_and(|t| t != page.meta.total) {
                return Err(unknown("the listing changed while it was read"));
            }
            let part = page.items.remove(key).ok_or_else(|| unknown("the listing is missing"))?;
            let part: Vec<T> =
                serde_json::from_value(part).map_err(|_| unknown("the listing can't be read"))?;
            items.extend(part);
            let Some(link) = page.links.pages.and_then(|p| p.next) else {
                return Ok(items);
            };
            next = following(&ask, &link).ok_or_else(|| unknown("the next page has no address"))?;
        }
        Err(unknown("the listing has no end"))
    }
}

/// The request for the next page: what the link asks, of the account's own endpoint, wherever the
/// link leads. The token goes nowhere else.
fn following(ask: &Ask, link: &str) -> Option<Ask> {
    let url = Url::parse(link).ok()?;
    let query = url.query_pairs().map(|(k, v)| (k.into_owned(), v.into_owned()));
    Some(Ask { query: query.collect(), ..ask.clone() })
}
