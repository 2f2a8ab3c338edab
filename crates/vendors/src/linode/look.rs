//! What an account says of itself. It tells no limits: they are raised by its support.

use async_trait::async_trait;
use damm_clouds::traits::Result;
use damm_fleet::FailureClass;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::Linode;
use super::wire::Page;
use crate::http::Ask;
use crate::look::{Look, Place, Quota, Size};

#[derive(Deserialize)]
struct Region {
    id: String,
    label: String,
    country: String,
    status: String,
}

#[derive(Deserialize)]
struct Kind {
    id: String,
    vcpus: u32,
    /// In MiB.
    memory: u64,
    price: Price,
}

#[derive(Deserialize)]
struct Price {
    /// None where it is on request.
    monthly: Option<f64>,
}

impl Linode {
    /// All of a listing that comes in one page.
    async fn whole<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        path: &str,
    ) -> Result<Vec<T>> {
        let page: Page<T> = self.get(Ask::get(operation, path)).await?;
        match page.pages {
            0 | 1 => Ok(page.data),
            _ => Err(self.refuse(operation, FailureClass::Unknown, "it has more than one page")),
        }
    }
}

#[async_trait]
impl Look for Linode {
    async fn quotas(&self) -> Result<Vec<Quota>> {
        let all: Vec<IgnoredAny> = self.all("list instances", "/linode/instances", None).await?;
        let (what, used) = ("machines".to_owned(), Some(all.len() as u64));
        Ok(vec![Quota { what, used, limit: None }])
    }

    async fn places(&self) -> Result<Vec<Place>> {
        let all: Vec<Region> = self.whole("list regions", "/regions").await?;
        let place = |r: Region| Place {
            title: format!("{}, {}", r.label, r.country.to_uppercase()),
            name: r.id,
        };
        Ok(all.into_iter().filter(|r| r.status == "ok").map(place).collect())
    }

    async fn sizes(&self) -> Result<Vec<Size>> {
        let all: Vec<Kind> = self.whole("list types", "/linode/types").await?;
        let size = |k: Kind| Size {
            cores: k.vcpus,
            memory: k.memory,
            price: k.price.monthly.map(|usd| format!("{usd:.2} USD")),
            name: k.id,
        };
        Ok(all.into_iter().map(size).collect())
    }
}
