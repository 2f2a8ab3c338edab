//! Listings in pages, by cursor.

use std::collections::BTreeMap;

use damm_clouds::Error;
use damm_fleet::FailureClass;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Vultr, Words};
use crate::http::Ask;

/// The most that a page holds.
const PER_PAGE: usize = 500;

/// No listing has more pages; one that goes on is a fault.
const MOST: usize = 1_000;

#[derive(Deserialize)]
struct Page {
    meta: Meta,
    #[serde(flatten)]
    items: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct Meta {
    links: Links,
}

#[derive(Deserialize)]
struct Links {
    /// Empty on the last page.
    #[serde(default)]
    next: String,
}

impl Vultr {
    /// All items of a listing, or a failure.
    pub(super) async fn all<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        path: &str,
        key: &str,
    ) -> Result<Vec<T>, Error> {
        let unknown = |words: &str| self.failed(operation, FailureClass::Unknown, words);
        let (mut items, mut cursor) = (Vec::new(), String::new());
        for _ in 0..MOST {
            let mut ask = Ask::get(operation, path).query("per_page", PER_PAGE);
            if !cursor.is_empty() {
                ask = ask.query("cursor", &cursor);
            }
            let mut page: Page = self.http.json(ask, &Words).await?;
            let part = page.items.remove(key).ok_or_else(|| unknown("the listing is missing"))?;
            let part: Vec<T> =
                serde_json::from_value(part).map_err(|_| unknown("the listing can't be read"))?;
            items.extend(part);
            let next = page.meta.links.next;
            if next.is_empty() {
                return Ok(items);
            }
            if next == cursor {
                break;
            }
            cursor = next;
        }
        Err(unknown("the listing has no end"))
    }
}
