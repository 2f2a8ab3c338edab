//! DigitalOcean: droplets, reserved addresses, domains and load balancers, as its API of version 2
//! describes them (`digitalocean/openapi`).

mod addresses;
mod balancer;
mod cloud;
mod dns;
mod look;
mod pages;
mod wire;

use std::sync::Arc;

use damm_clouds::{Error, Tag};
use damm_fleet::FailureClass;

use crate::error::SetupError;
use crate::first_seen::FirstSeen;
use crate::http::{Ask, Auth, Dialect, Http, Pace, Reply, Reset};
use crate::look::Look;
use crate::origins::Origins;
use crate::registry::{Account, Parts};

/// 5000 calls an hour and 250 a minute; each counts until an hour or a minute after it was made, so
/// `reset` tells when the next one is there.
const PACE: Pace = Pace {
    limit: "ratelimit-limit",
    remaining: "ratelimit-remaining",
    reset: "ratelimit-reset",
    at_reset: Reset::Next,
};

/// One account.
struct DigitalOcean {
    http: Http,
    fleet: String,
    /// The project that reserved IPv4 addresses are put in: they carry no tags.
    project: String,
    image: String,
    /// Bytes of user data that a droplet can be given.
    user_data_limit: usize,
    origins: Origins,
    /// Reserved IPv4 addresses don't tell when they were made.
    seen: FirstSeen,
}

/// Makes an account ready; nothing is called yet.
///
/// # Errors
///
/// When its token, its project or its endpoint is no use.
pub fn open(account: Account) -> Result<Parts, SetupError> {
    let this = connect(account)?;
    Ok(Parts { cloud: Some(this.clone()), dns: Some(this.clone()), balancer: Some(this) })
}

/// Makes an account ready to be looked at.
///
/// # Errors
///
/// As [`open`].
pub fn look(account: Account) -> Result<Arc<dyn Look>, SetupError> {
    Ok(connect(account)?)
}

fn connect(account: Account) -> Result<Arc<DigitalOcean>, SetupError> {
    let project = account.setting("project").ok_or(SetupError::NoSetting("project"))?.to_owned();
    let machines = account.sheet.machines.as_ref();
    Ok(Arc::new(DigitalOcean {
        http: account.http(Auth::Bearer(account.token()?), Some(PACE))?,
        project,
        image: account.image().unwrap_or_default().to_owned(),
        user_data_limit: machines.map_or(0, |m| m.capabilities.user_data_limit),
        fleet: account.fleet,
        origins: account.origins,
        seen: FirstSeen::default(),
    }))
}

impl DigitalOcean {
    /// A failure that the vendor did not have to tell us.
    fn failed(&self, operation: &'static str, class: FailureClass, words: &str) -> Error {
        self.http.failed(&Ask::get(operation, ""), class, words, None)
    }
}

/// A tag as its grammar takes it: letters, digits, colons, hyphens and underscores.
fn written(tag: &Tag) -> String {
    tag.to_string().replace('.', ":")
}

/// Our mark among a thing's tags.
fn read(tags: &[String]) -> Option<Tag> {
    tags.iter().find_map(|text| text.replace(':', ".").parse().ok())
}

/// The vendor's way to say no: `{"id": …, "message": …}`. "Try again" and "no more of this" are
/// told by words alone, with 422 and 403.
struct Words;

impl Dialect for Words {
    fn class(&self, reply: &Reply) -> Option<FailureClass> {
        let value = reply.value();
        if reply.status == 404 {
            // Another server's 404 says nothing about the thing.
            return (value["id"] != "not_found").then_some(FailureClass::Unknown);
        }
        if !matches!(reply.status, 400 | 403 | 409 | 412 | 422) {
            return None;
        }
        let said = value["message"].as_str()?.to_lowercase();
        let any = |words: &[&str]| words.iter().any(|w| said.contains(w));
        if any(&["pending event", "pending action", "processes previous actions"]) {
            return Some(FailureClass::Busy);
        }
        if any(&["assigned flip cannot be released"]) {
            return Some(FailureClass::Busy);
        }
        let quota = any(&["limit", "quota"]) && any(&["exceed", "reach", "maximum"]);
        let stock = any(&["not available", "unavailable", "out of stock", "out of capacity"]);
        // An image that a region lacks is not in short supply: it has to be moved there.
        (quota || (stock && !said.contains("image"))).then_some(FailureClass::Exhausted)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use damm_fleet::Seed;
    use reqwest::header::HeaderMap;

    use super::*;

    fn class(status: u16, body: &str) -> Option<FailureClass> {
        let body = Bytes::copy_from_slice(body.as_bytes());
        Words.class(&Reply { status, headers: HeaderMap::new(), body })
    }

    fn said(status: u16, message: &str) -> Option<FailureClass> {
        class(status, &format!(r#"{{"id":"unprocessable_entity","message":"{message}"}}"#))
    }

    #[test]
    fn refusals_are_classed_by_their_words() {
        use FailureClass::{Busy, Exhausted};
        for (status, message, wanted) in [
            (422, "Droplet already has a pending event.", Some(Busy)),
            (422, "floating ip already has a pending event", Some(Busy)),
            (403, "Load Balancer can't be updated while it processes previous actions", Some(Busy)),
            (400, "flipv6 released failed: assigned FLIP cannot be released", Some(Busy)),
            (422, "creating this/these droplet(s) will exceed your droplet limit", Some(Exhausted)),
            (422, "Size is not available in this region.", Some(Exhausted)),
            (422, "The image you specified is not available in the selected region", None),
            (422, "You specified an invalid size for Droplet creation.", None),
            (401, "Unable to authenticate you.", None),
            (429, "API rate limit exceeded.", None),
            (503, "Droplet already has a pending event.", None),
        ] {
            assert_eq!(said(status, message), wanted, "{message}");
        }
    }

    #[test]
    fn only_the_vendors_own_404_means_that_a_thing_is_gone() {
        assert_eq!(class(404, r#"{"id":"not_found","message":"x"}"#), None);
        for body in ["<html><title>404</title></html>", "", r#"{"message":"no route"}"#] {
            assert_eq!(class(404, body), Some(FailureClass::Unknown), "{body}");
        }
    }

    #[test]
    fn a_tag_has_no_dots_and_is_read_again() {
        let mut seed = Seed::from_number(1);
        let tag = Tag { fleet: "a-b".to_owned(), subject: seed.node().into() };
        let text = written(&tag);
        assert!(text.starts_with("damm:a-b:") && !text.contains('.'), "{text}");
        assert_eq!(read(&["web".to_owned(), text]), Some(tag));
        assert_eq!(read(&["web".to_owned(), "damm:x".to_owned()]), None);
    }
}
