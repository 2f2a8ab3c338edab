//! Vultr: instances and reserved addresses, as its API of version 2 describes them.

mod addresses;
mod cloud;
mod look;
mod pages;
mod wire;

use std::sync::Arc;

use damm_clouds::{Error, Tag};
use damm_fleet::FailureClass;
use tokio::sync::OnceCell;

use crate::error::SetupError;
use crate::first_seen::FirstSeen;
use crate::http::{Ask, Auth, Dialect, Http, Reply};
use crate::look::Look;
use crate::origins::Origins;
use crate::registry::{Account, Parts};

/// One account.
struct Vultr {
    http: Http,
    /// The operating system's name, and its number once it was looked up.
    os: (String, OnceCell<u64>),
    /// Bytes of user data that an instance can be given.
    user_data_limit: usize,
    origins: Origins,
    /// Reserved addresses don't tell when they were made.
    seen: FirstSeen,
}

/// Makes an account ready; nothing is called yet.
///
/// # Errors
///
/// When its token or its endpoint is no use.
pub fn open(account: Account) -> Result<Parts, SetupError> {
    Ok(Parts { cloud: Some(connect(account)?), ..Parts::default() })
}

/// Makes an account ready to be looked at.
///
/// # Errors
///
/// As [`open`].
pub fn look(account: Account) -> Result<Arc<dyn Look>, SetupError> {
    Ok(connect(account)?)
}

fn connect(account: Account) -> Result<Arc<Vultr>, SetupError> {
    let machines = account.sheet.machines.as_ref();
    Ok(Arc::new(Vultr {
        http: account.http(Auth::Bearer(account.token()?), None)?,
        os: (account.image().unwrap_or_default().to_owned(), OnceCell::new()),
        user_data_limit: machines.map_or(0, |m| m.capabilities.user_data_limit),
        origins: account.origins,
        seen: FirstSeen::default(),
    }))
}

impl Vultr {
    /// A failure that the vendor did not have to tell us.
    fn failed(&self, operation: &'static str, class: FailureClass, words: &str) -> Error {
        self.http.failed(&Ask::get(operation, ""), class, words, None)
    }

    /// A thing's id as it may stand in a path. What is none was never made.
    fn id<'a>(&self, operation: &'static str, id: &'a str) -> Result<&'a str, Error> {
        let fits = !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        let gone = || self.failed(operation, FailureClass::Gone, "there is no such thing");
        fits.then_some(id).ok_or_else(gone)
    }
}

/// Our mark in a label, or among tags.
fn read<'a>(texts: impl IntoIterator<Item = &'a String>) -> Option<Tag> {
    texts.into_iter().find_map(|text| text.parse().ok())
}

/// The vendor's way to say no: `{"error": …, "status": …}`, where only the words tell what it is
/// about, and a locked server is a 500.
struct Words;

impl Dialect for Words {
    fn class(&self, reply: &Reply) -> Option<FailureClass> {
        let value = reply.value();
        let said = value["error"].as_str().map(str::to_lowercase);
        let Some(said) = said else {
            // Another server's 404 says nothing about the thing.
            return (reply.status == 404).then_some(FailureClass::Unknown);
        };
        let any = |words: &[&str]| words.iter().any(|w| said.contains(w));
        match reply.status {
            400 | 409 | 412 | 422 | 500 if any(&["currently locked", "already attached"]) => {
                Some(FailureClass::Busy)
            }
            400 | 403 | 412 | 422 => {
                let quota = any(&["maximum number", "limit"]) && any(&["reach", "exceed", "raise"]);
                let stock = any(&["sold out", "out of stock", "not available", "capacity"]);
                // What is full is the server, and not the account.
                let server = any(&["this server", "this instance"]);
                ((quota || stock) && !server).then_some(FailureClass::Exhausted)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use reqwest::header::HeaderMap;

    use super::*;

    fn class(status: u16, body: &str) -> Option<FailureClass> {
        let body = Bytes::copy_from_slice(body.as_bytes());
        Words.class(&Reply { status, headers: HeaderMap::new(), body })
    }

    #[test]
    fn refusals_are_classed_by_their_words() {
        use FailureClass::{Busy, Exhausted};
        let taken =
            "Server add failed: Floating IPv4 address is already attached to another server";
        let full = "Server add failed: You have reached the maximum number of active virtual \
                    machines for this account.";
        for (status, message, wanted) in [
            (500, "Unable to remove VM: Server is currently locked", Some(Busy)),
            (400, taken, Some(Busy)),
            (400, full, Some(Exhausted)),
            (400, "Plan is not available in the selected region", Some(Exhausted)),
            (400, "You have reached the maximum number of IPs for this server", None),
            (400, "Invalid plan chosen.", None),
            (404, "Invalid instance-id", None),
            (401, "Unauthorized IP address", None),
            (500, "Internal Server Error", None),
        ] {
            let body = format!(r#"{{"error":"{message}","status":{status}}}"#);
            assert_eq!(class(status, &body), wanted, "{message}");
        }
    }

    #[test]
    fn only_the_vendors_own_404_means_that_a_thing_is_gone() {
        for body in ["<html><title>404</title></html>", "", r#"{"message":"no route"}"#] {
            assert_eq!(class(404, body), Some(FailureClass::Unknown), "{body}");
        }
    }
}
