//! Linode, of Akamai: instances, reserved addresses and NodeBalancers of one account.
//!
//! Labels of instances are unique in an account, so an order that is sent twice is refused, and
//! what stands under the label is taken for its answer where it carries the order's tags. Tags have
//! 50 symbols at most, too few for ours in one: `damm:<fleet>` and `damm-id:<id>` together are it.
//!
//! Limits are told for each kind of call and change over time, so no call but a refused one makes
//! the account pause.

mod addresses;
mod balancer;
mod cloud;
mod look;
mod said;
mod wire;

use std::sync::Arc;

use damm_clouds::traits::Result;
use damm_clouds::{Error, Tag};
use damm_fleet::FailureClass;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::error::SetupError;
use crate::first_seen::FirstSeen;
use crate::http::{Ask, Auth, Http};
use crate::look::Look;
use crate::origins::Origins;
use crate::registry::{Account, Parts};
use said::Said;
use wire::Page;

/// What the tags of the fleet and of the thing begin with.
const FLEET: &str = "damm:";
const ID: &str = "damm-id:";

/// The most that a page holds.
const PER_PAGE: u64 = 500;

/// One account.
struct Linode {
    http: Http,
    fleet: String,
    image: String,
    user_data_limit: usize,
    origins: Origins,
    /// Reserved addresses don't tell when they were made.
    seen: FirstSeen,
}

/// Makes an account ready; nothing is called yet.
///
/// # Errors
///
/// When it has no token, or its endpoint is none.
pub fn open(account: Account) -> std::result::Result<Parts, SetupError> {
    let linode = connect(account)?;
    Ok(Parts { cloud: Some(linode.clone()), dns: None, balancer: Some(linode) })
}

/// Makes an account ready to be looked at.
///
/// # Errors
///
/// As [`open`].
pub fn look(account: Account) -> std::result::Result<Arc<dyn Look>, SetupError> {
    Ok(connect(account)?)
}

fn connect(account: Account) -> std::result::Result<Arc<Linode>, SetupError> {
    let machines = account.sheet.machines.as_ref();
    Ok(Arc::new(Linode {
        http: account.http(Auth::Bearer(account.token()?), None)?,
        image: account.image().unwrap_or_default().to_owned(),
        user_data_limit: machines.map_or(0, |m| m.capabilities.user_data_limit),
        fleet: account.fleet,
        origins: account.origins,
        seen: FirstSeen::default(),
    }))
}

impl Linode {
    /// A refusal of our own: nothing was sent.
    fn refuse(&self, operation: &'static str, class: FailureClass, words: &str) -> Error {
        self.http.failed(&Ask::get(operation, ""), class, words, None)
    }

    /// A reference to an instance as the number that it is. What is no number never was.
    fn id(&self, operation: &'static str, reference: &str) -> Result<u64> {
        let none = |_| self.refuse(operation, FailureClass::Gone, "the reference is no number");
        reference.parse().map_err(none)
    }

    /// Makes a request whose answer's content matters not.
    async fn act(&self, ask: Ask) -> Result<()> {
        self.http.call(ask, &Said).await.map(drop)
    }

    async fn get<T: DeserializeOwned>(&self, ask: Ask) -> Result<T> {
        self.http.json(ask, &Said).await
    }

    /// All pages of what fits a filter, or an error: also where something went while it was read,
    /// because then what moved up to an earlier page is missing.
    async fn all<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        path: &str,
        filter: Option<Value>,
    ) -> Result<Vec<T>> {
        let mut all = Vec::new();
        let (mut number, mut results) = (1, None);
        loop {
            let ask = Ask::get(operation, path).query("page", number);
            let mut ask = ask.query("page_size", PER_PAGE);
            if let Some(filter) = &filter {
                ask = ask.header("x-filter", filter.to_string());
            }
            let page: Page<T> = self.get(ask).await?;
            all.extend(page.data);
            let torn = *results.get_or_insert(page.results) != page.results;
            let last = number >= page.pages;
            if torn || (last && page.results != all.len() as u64) {
                let words = "the listing changed while it was read";
                return Err(self.refuse(operation, FailureClass::Busy, words));
            }
            if last {
                return Ok(all);
            }
            number += 1;
        }
    }
}

/// Our mark as tags.
fn tags(tag: &Tag) -> [String; 2] {
    [format!("{FLEET}{}", tag.fleet), format!("{ID}{}", tag.subject)]
}

/// The filter for what is a fleet's.
fn of_fleet(fleet: &str) -> Value {
    json!({ "tags": format!("{FLEET}{fleet}") })
}

/// Whether tags say that a thing is a fleet's: a filter is no promise.
fn is_of(tags: &[String], fleet: &str) -> bool {
    tags.iter().any(|t| t.strip_prefix(FLEET) == Some(fleet))
}

/// Our mark among a thing's tags, where it is readable.
fn tag(tags: &[String]) -> Option<Tag> {
    let after = |prefix| tags.iter().find_map(|t: &String| t.strip_prefix(prefix));
    Some(Tag { fleet: after(FLEET)?.to_owned(), subject: after(ID)?.parse().ok()? })
}

/// An error in which one class means another.
fn rather(mut error: Error, from: FailureClass, to: FailureClass) -> Error {
    if error.class == from {
        error.class = to;
    }
    error
}

#[cfg(test)]
mod tests {
    use damm_fleet::Seed;

    use super::*;

    #[test]
    fn a_mark_of_two_tags_fits_and_is_read_again() {
        let mark = Tag { fleet: "f".repeat(40), subject: Seed::from_number(1).node().into() };
        let written = tags(&mark);
        assert!(written.iter().all(|t| (3..=50).contains(&t.len())), "{written:?}");
        let all = [&["web".to_owned()], &written[..]].concat();
        assert_eq!(tag(&all), Some(mark.clone()));
        assert!(is_of(&all, &mark.fleet) && !is_of(&all, "f"));
        assert_eq!(tag(&all[..2]), None);
    }
}
