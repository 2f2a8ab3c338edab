//! What orders name, found by its name or its id.

use damm_clouds::traits::Result;
use damm_fleet::FailureClass;

use super::OpenStack;
use super::catalog::Service;
use super::wire::{Flavor, Image, Named};
use crate::http::Ask;

/// Whether a text is an id, as all services but Nova's sizes have them.
fn is_id(text: &str) -> bool {
    let groups: Vec<_> = text.split('-').collect();
    let hex = |g: &&str| g.chars().all(|c| c.is_ascii_hexdigit());
    groups.iter().map(|g| g.len()).eq([8, 4, 4, 4, 12]) && groups.iter().all(hex)
}

impl OpenStack {
    /// A size of machines.
    pub(super) async fn flavor(&self, name: &str) -> Result<Flavor> {
        let operation = "look for the size";
        let ask = Ask::get(operation, "/flavors/detail");
        let all: Vec<Flavor> = self.all(Service::Compute, ask).await?;
        let mut found = all.into_iter().filter(|f| f.name == name || f.id == name);
        found.next().ok_or_else(|| {
            let words = format!("the cloud has no size `{name}`");
            self.refuse(operation, FailureClass::Rejected, &words)
        })
    }

    /// The id of the image: the newest of its name.
    pub(super) async fn image(&self) -> Result<String> {
        let operation = "look for the image";
        let name = self.image.as_str();
        if is_id(name) {
            return Ok(name.to_owned());
        }
        let ask = Ask::get(operation, "/images").query("name", name).query("status", "active");
        let all: Vec<Image> = self.all(Service::Image, ask).await?;
        let newest = all.into_iter().max_by_key(|i| i.created_at);
        newest.map(|i| i.id).ok_or_else(|| {
            let words = format!("the cloud has no image `{name}`: name another one as `image`");
            self.refuse(operation, FailureClass::Rejected, &words)
        })
    }

    /// The id of a network. Several may have one name: which is meant can't be told then.
    pub(super) async fn network(&self, name: &str) -> Result<String> {
        let operation = "look for the network";
        if is_id(name) {
            return Ok(name.to_owned());
        }
        let ask = Ask::get(operation, "/networks").query("name", name);
        let mut all: Vec<Named> = self.all(Service::Network, ask).await?;
        all.retain(|n| n.name == name);
        let words = match <[Named; 1]>::try_from(all) {
            Ok([one]) => return Ok(one.id),
            Err(none) if none.is_empty() => format!("the project has no network `{name}`"),
            Err(_) => format!("several networks are called `{name}`: say which by its id"),
        };
        Err(self.refuse(operation, FailureClass::Rejected, &words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_from_names() {
        assert!(is_id("0f6e4b9c-8d2b-4c1e-9a53-5a1b2c3d4e5f"));
        for name in ["Ext-Net", "0f6e4b9c8d2b4c1e9a535a1b2c3d4e5f", "", "----"] {
            assert!(!is_id(name), "{name}");
        }
    }
}
