//! The vendors that the sweep goes through, each with a double of its own.

use std::sync::Arc;

use damm_doubles::aws::{self, Aws, Key};
use damm_doubles::cloudflare::{self, Cloudflare};
use damm_doubles::digitalocean::{self, DigitalOcean};
use damm_doubles::hetzner::Hetzner;
use damm_doubles::linode::Linode;
use damm_doubles::openstack::{self, OpenStack};
use damm_doubles::vultr::{self, Vultr};
use serde_json::json;

use super::far::Vendor;

/// Machines and addresses that an account has room for.
const ROOM: usize = 50;

/// Calls an hour that no sweep comes to: rates are the suite's matter.
const CALLS: usize = 1_000_000;

const TOKEN: &str = "TokenOfTheSweep";

/// Addresses stand behind a translation.
pub static AWS: Vendor = Vendor {
    kind: "aws",
    size: "t3.small",
    place: "eu-north-1a",
    addresses: 2,
    secret: "access_key_id = KeyOfTheSweep\nsecret_access_key = TokenOfTheSweep\n",
    double: |clock, v4, _| {
        let (id, secret) = ("KeyOfTheSweep".to_owned(), TOKEN.to_owned());
        let key = Key { id, secret, session: None };
        let double = Aws::new(clock.clone(), key, ROOM, ROOM);
        double.give_from(v4);
        double.add_zone("example.org", false);
        double.add_group("edge", false);
        Arc::new(double)
    },
    settings: |url| json!({ "endpoint": url, "settings": { "region": aws::REGION } }),
    zone: Some("example.org"),
    balancer: Some("edge"),
};

/// Addresses carry no tags, and a machine holds one.
pub static DIGITALOCEAN: Vendor = Vendor {
    kind: "digitalocean",
    size: digitalocean::SIZE,
    place: digitalocean::REGION,
    addresses: 1,
    secret: TOKEN,
    double: |clock, v4, v6| {
        let double = DigitalOcean::new(clock.clone(), TOKEN);
        double.turn(|k| (k.droplets, k.addresses, k.rate) = (ROOM, ROOM, CALLS));
        double.reserve_from(v4, v6);
        double.make_domain("example.org");
        double.make_balancer("lb", 443, None);
        Arc::new(double)
    },
    settings: |url| {
        let settings = json!({ "project": digitalocean::PROJECT });
        json!({ "endpoint": format!("{url}/v2"), "settings": settings })
    },
    zone: Some("example.org"),
    balancer: Some("lb"),
};

/// Names are given once, and listings show what carries a label.
pub static HETZNER: Vendor = Vendor {
    kind: "hetzner",
    size: "cx22",
    place: "fsn1",
    addresses: 2,
    secret: TOKEN,
    double: |clock, v4, v6| {
        let double = Hetzner::new(clock.clone(), TOKEN);
        double.raise_quota(ROOM, ROOM);
        double.give_from(v4, v6);
        Arc::new(double)
    },
    settings: |url| json!({ "endpoint": format!("{url}/v1") }),
    zone: Some("example.org"),
    balancer: Some("lb"),
};

/// Machines' names are given once; addresses have none, so nothing keeps a second order from
/// making a second one.
pub static LINODE: Vendor = Vendor {
    kind: "linode",
    size: "g6-nanode-1",
    place: "eu-central",
    addresses: 2,
    secret: TOKEN,
    double: |clock, v4, _| {
        let double = Linode::new(clock.clone(), TOKEN);
        double.raise_quota(ROOM, ROOM);
        double.give_from(v4);
        Arc::new(double)
    },
    settings: |url| json!({ "endpoint": format!("{url}/v4") }),
    zone: None,
    balancer: Some("front"),
};

/// Nothing keeps a second order from making a second machine or address.
pub static VULTR: Vendor = Vendor {
    kind: "vultr",
    size: vultr::PLAN,
    place: vultr::REGION,
    addresses: 2,
    secret: TOKEN,
    double: |clock, v4, v6| {
        let double = Vultr::new(clock.clone(), TOKEN);
        double.turn(|k| (k.instances, k.addresses) = (ROOM, ROOM));
        double.reserve_from(v4, v6);
        Arc::new(double)
    },
    settings: |url| json!({ "endpoint": format!("{url}/v2") }),
    zone: None,
    balancer: None,
};

/// A machine is made in several calls, and addresses stand behind a translation.
pub static OPENSTACK: Vendor = Vendor {
    kind: "openstack",
    size: "b2-7",
    place: openstack::ZONE,
    addresses: 2,
    secret: "application_credential_id = id\napplication_credential_secret = TokenOfTheSweep\n",
    double: |clock, v4, _| {
        let double = OpenStack::new(clock.clone(), ("id", TOKEN));
        double.raise_quota(ROOM, ROOM);
        double.give_from(v4);
        Arc::new(double)
    },
    settings: |url| {
        json!({
            "endpoint": format!("{url}/identity/v3"),
            "settings": { "network": "private", "floating_network": "public" },
            "prices": { "machines": { "b2-7": 5 } },
        })
    },
    zone: None,
    balancer: Some("lb"),
};

/// The zone that Cloudflare holds.
pub const CLOUDFLARE_ZONE: &str = "fleet.example";

/// Names alone, for fleets at vendors that hold none.
pub static CLOUDFLARE: Vendor = Vendor {
    kind: "cloudflare",
    size: "",
    place: "",
    addresses: 0,
    secret: TOKEN,
    double: |_, _, _| Arc::new(Cloudflare::new(TOKEN, &[CLOUDFLARE_ZONE])),
    settings: |url| json!({ "endpoint": format!("{url}{}", cloudflare::BASE) }),
    zone: Some(CLOUDFLARE_ZONE),
    balancer: None,
};
