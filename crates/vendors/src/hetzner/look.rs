//! What a project says of itself. It tells no quotas: they are seen in the console only.

use async_trait::async_trait;
use damm_clouds::traits::Result;
use serde::Deserialize;

use super::Hetzner;
use crate::http::Ask;
use crate::look::{Look, Place, Quota, Size};

#[derive(Deserialize)]
struct Location {
    name: String,
    city: String,
    country: String,
}

#[derive(Deserialize)]
struct ServerType {
    name: String,
    cores: u32,
    /// GB; the vendor's are of 1024 MiB.
    memory: f64,
    deprecated: Option<bool>,
    prices: Vec<Price>,
}

#[derive(Deserialize)]
struct Price {
    price_monthly: Amount,
}

#[derive(Deserialize)]
struct Amount {
    net: String,
}

impl ServerType {
    /// The lowest of its prices, of which there is one for each place. Accounts are billed in
    /// euros.
    fn price(&self) -> Option<String> {
        let nets = self.prices.iter().filter_map(|p| p.price_monthly.net.parse::<f64>().ok());
        nets.min_by(f64::total_cmp).map(|net| format!("{net:.2} EUR"))
    }
}

#[async_trait]
impl Look for Hetzner {
    async fn quotas(&self) -> Result<Vec<Quota>> {
        self.act(Ask::get("look at the account", "/locations").query("per_page", 1)).await?;
        Ok(Vec::new())
    }

    async fn places(&self) -> Result<Vec<Place>> {
        let ask = Ask::get("list locations", "/locations").query("per_page", 50);
        let all: Vec<Location> = self.all(ask).await?;
        let place =
            |l: Location| Place { title: format!("{}, {}", l.city, l.country), name: l.name };
        Ok(all.into_iter().map(place).collect())
    }

    async fn sizes(&self) -> Result<Vec<Size>> {
        let ask = Ask::get("list server types", "/server_types").query("per_page", 50);
        let all: Vec<ServerType> = self.all(ask).await?;
        let current = all.into_iter().filter(|t| t.deprecated != Some(true));
        let size = |t: ServerType| Size {
            cores: t.cores,
            memory: (t.memory * 1024.0).round() as u64,
            price: t.price(),
            name: t.name,
        };
        Ok(current.map(size).collect())
    }
}
