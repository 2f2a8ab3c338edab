//! What an account says of itself. It tells no limits: they are raised by its support.

use async_trait::async_trait;
use damm_clouds::traits::Result;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::Vultr;
use crate::look::{Look, Place, Quota, Size};

#[derive(Deserialize)]
struct Region {
    id: String,
    city: String,
    country: String,
}

#[derive(Deserialize)]
struct Plan {
    id: String,
    vcpu_count: u32,
    /// In MiB.
    ram: u64,
    /// In US dollars; whole ones by the description, and not in its answers.
    monthly_cost: f64,
    /// Where it can be had; nowhere when it is no longer sold.
    #[serde(default)]
    locations: Vec<String>,
}

#[async_trait]
impl Look for Vultr {
    async fn quotas(&self) -> Result<Vec<Quota>> {
        let mut quotas = Vec::new();
        for (what, path, key) in [
            ("machines", "/instances", "instances"),
            ("addresses", "/reserved-ips", "reserved_ips"),
        ] {
            let all: Vec<IgnoredAny> = self.all("look at the account", path, key).await?;
            let (what, used) = (what.to_owned(), Some(all.len() as u64));
            quotas.push(Quota { what, used, limit: None });
        }
        Ok(quotas)
    }

    async fn places(&self) -> Result<Vec<Place>> {
        let all: Vec<Region> = self.all("list regions", "/regions", "regions").await?;
        let place = |r: Region| Place { title: format!("{}, {}", r.city, r.country), name: r.id };
        Ok(all.into_iter().map(place).collect())
    }

    async fn sizes(&self) -> Result<Vec<Size>> {
        let all: Vec<Plan> = self.all("list plans", "/plans", "plans").await?;
        let size = |p: Plan| Size {
            cores: p.vcpu_count,
            memory: p.ram,
            price: Some(format!("{:.2} USD", p.monthly_cost)),
            name: p.id,
        };
        Ok(all.into_iter().filter(|p| !p.locations.is_empty()).map(size).collect())
    }
}
