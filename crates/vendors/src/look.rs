//! What an account says of itself when it is asked.

use async_trait::async_trait;
use damm_clouds::traits::Result;
use serde::Serialize;

/// One limit of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Quota {
    /// What it is a limit of: `machines`, `addresses`.
    pub what: String,
    /// How much is in use, of all fleets and others, where the vendor tells.
    pub used: Option<u64>,
    /// How much may be, where the vendor tells.
    pub limit: Option<u64>,
}

/// One place where machines can stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The vendor's name for it, as `locations` takes it.
    pub name: String,
    /// What people call it.
    pub title: String,
}

/// One machine size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Size {
    /// The vendor's name for it, as profiles take it.
    pub name: String,
    /// Processors.
    pub cores: u32,
    /// Memory, in MiB.
    pub memory: u64,
    /// A month's price as the vendor tells it now, before tax, with its currency; none where it
    /// does not tell.
    pub price: Option<String>,
}

/// An account that can be looked at. Nothing is changed.
#[async_trait]
pub trait Look: Send + Sync {
    /// Whether the credentials are good, and what the account may hold as far as the vendor tells.
    async fn quotas(&self) -> Result<Vec<Quota>>;

    /// Where machines can stand; nothing where there are none.
    async fn places(&self) -> Result<Vec<Place>>;

    /// What machines there are; nothing where there are none.
    async fn sizes(&self) -> Result<Vec<Size>>;
}
