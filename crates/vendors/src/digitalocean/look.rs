//! What a team's account says of itself.

use async_trait::async_trait;
use damm_clouds::traits::Result;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{DigitalOcean, Words};
use crate::http::Ask;
use crate::look::{Look, Place, Quota, Size};

#[derive(Deserialize)]
struct OneAccount {
    account: Limits,
}

/// Its limits; each is left out where the token may not read what it is a limit of.
#[derive(Deserialize)]
struct Limits {
    droplet_limit: Option<u64>,
    /// By its older name: the same holds for reserved addresses.
    floating_ip_limit: Option<u64>,
}

#[derive(Deserialize)]
struct Region {
    slug: String,
    name: String,
    available: bool,
}

#[derive(Deserialize)]
struct Kind {
    slug: String,
    vcpus: u32,
    /// In MiB.
    memory: u64,
    price_monthly: f64,
    available: bool,
}

#[async_trait]
impl Look for DigitalOcean {
    async fn quotas(&self) -> Result<Vec<Quota>> {
        let ask = Ask::get("look at the account", "/account");
        let OneAccount { account } = self.http.json(ask, &Words).await?;
        let droplets: Vec<IgnoredAny> =
            self.all(Ask::get("list droplets", "/droplets"), "droplets").await?;
        let addresses: Vec<IgnoredAny> =
            self.all(Ask::get("list addresses", "/reserved_ips"), "reserved_ips").await?;
        let quota = |what: &str, used: usize, limit| Quota {
            what: what.to_owned(),
            used: Some(used as u64),
            limit,
        };
        Ok(vec![
            quota("machines", droplets.len(), account.droplet_limit),
            quota("addresses", addresses.len(), account.floating_ip_limit),
        ])
    }

    async fn places(&self) -> Result<Vec<Place>> {
        let all: Vec<Region> = self.all(Ask::get("list regions", "/regions"), "regions").await?;
        let open = all.into_iter().filter(|r| r.available);
        Ok(open.map(|r| Place { name: r.slug, title: r.name }).collect())
    }

    async fn sizes(&self) -> Result<Vec<Size>> {
        let all: Vec<Kind> = self.all(Ask::get("list sizes", "/sizes"), "sizes").await?;
        let size = |k: Kind| Size {
            cores: k.vcpus,
            memory: k.memory,
            price: Some(format!("{:.2} USD", k.price_monthly)),
            name: k.slug,
        };
        Ok(all.into_iter().filter(|k| k.available).map(size).collect())
    }
}
