//! What a project says of itself.

use async_trait::async_trait;
use damm_clouds::traits::Result;
use serde::Deserialize;

use super::OpenStack;
use super::catalog::Service;
use super::wire::Flavor;
use crate::http::Ask;
use crate::look::{Look, Place, Quota, Size};

const QUOTAS: &str = "look at the quotas";

#[derive(Deserialize)]
struct Limits {
    limits: Absolutes,
}

#[derive(Deserialize)]
struct Absolutes {
    absolute: Absolute,
}

/// Nova's limits; -1 where there is none.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Absolute {
    max_total_instances: i64,
    total_instances_used: u64,
}

#[derive(Deserialize)]
struct NetworkQuotas {
    quota: NetworkQuota,
}

#[derive(Deserialize)]
struct NetworkQuota {
    floatingip: Usage,
}

#[derive(Deserialize)]
struct Usage {
    limit: i64,
    used: u64,
}

#[derive(Deserialize)]
struct Zones {
    #[serde(rename = "availabilityZoneInfo")]
    all: Vec<Zone>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Zone {
    zone_name: String,
    zone_state: ZoneState,
}

#[derive(Deserialize)]
struct ZoneState {
    available: bool,
}

fn quota(what: &str, used: u64, limit: i64) -> Quota {
    Quota { what: what.to_owned(), used: Some(used), limit: u64::try_from(limit).ok() }
}

#[async_trait]
impl Look for OpenStack {
    async fn quotas(&self) -> Result<Vec<Quota>> {
        let limits = Ask::get(QUOTAS, "/limits");
        let limits: Limits = self.keystone.json(Service::Compute, limits).await?;
        let of = limits.limits.absolute;
        let path = format!("/quotas/{}/details", self.keystone.project().await?);
        let networks = Ask::get(QUOTAS, path);
        let networks: NetworkQuotas = self.keystone.json(Service::Network, networks).await?;
        let addresses = networks.quota.floatingip;
        Ok(vec![
            quota("machines", of.total_instances_used, of.max_total_instances),
            quota("addresses", addresses.used, addresses.limit),
        ])
    }

    async fn places(&self) -> Result<Vec<Place>> {
        let ask = Ask::get("list zones", "/os-availability-zone");
        let zones: Zones = self.keystone.json(Service::Compute, ask).await?;
        let open = zones.all.into_iter().filter(|z| z.zone_state.available);
        let place = |z: Zone| Place { title: z.zone_name.clone(), name: z.zone_name };
        Ok(open.map(place).collect())
    }

    async fn sizes(&self) -> Result<Vec<Size>> {
        let ask = Ask::get("list sizes", "/flavors/detail");
        let all: Vec<Flavor> = self.all(Service::Compute, ask).await?;
        let size = |f: Flavor| Size { name: f.name, cores: f.vcpus, memory: f.ram, price: None };
        Ok(all.into_iter().map(size).collect())
    }
}
