//! Where a cloud's services are: its identity service tells with each token.

use std::collections::BTreeSet;

use serde::Deserialize;

/// A service of the cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Nova.
    Compute,
    /// Neutron.
    Network,
    /// Glance.
    Image,
    /// Octavia.
    Balancer,
}

impl Service {
    /// Its type (<https://service-types.openstack.org>).
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Compute => "compute",
            Self::Network => "network",
            Self::Image => "image",
            Self::Balancer => "load-balancer",
        }
    }

    /// What its addresses end with, where a catalog leaves it out.
    const fn version(self) -> &'static str {
        match self {
            Self::Compute => "/v2.1",
            Self::Network => "/v2.0",
            Self::Image | Self::Balancer => "/v2",
        }
    }
}

/// One service, as a token's catalog shows it.
#[derive(Debug, Clone, Deserialize)]
pub struct Entry {
    #[serde(rename = "type")]
    kind: String,
    endpoints: Vec<Endpoint>,
}

#[derive(Debug, Clone, Deserialize)]
struct Endpoint {
    interface: String,
    region_id: Option<String>,
    url: String,
}

/// A token's catalog.
#[derive(Debug, Clone)]
pub struct Catalog(pub Vec<Entry>);

impl Catalog {
    /// The base of a service's API in a region; the region may be left out where there is one only.
    ///
    /// # Errors
    ///
    /// In words, when there is none or it can't be told which, or when it could be listened to:
    /// what is called over TLS tells of nothing that is not.
    pub fn base(
        &self,
        service: Service,
        region: Option<&str>,
        identity: &str,
    ) -> Result<String, String> {
        let kind = service.kind();
        let of_kind = self.0.iter().filter(|e| e.kind == kind).flat_map(|e| &e.endpoints);
        let public: Vec<_> = of_kind.filter(|e| e.interface == "public").collect();
        let regions: BTreeSet<_> = public.iter().filter_map(|e| e.region_id.as_deref()).collect();
        if region.is_none() && regions.len() > 1 {
            let all = regions.into_iter().collect::<Vec<_>>().join(", ");
            return Err(format!("the cloud has the regions {all}: say which as `region`"));
        }
        let here = |e: &&&Endpoint| region.is_none() || e.region_id.as_deref() == region;
        let Some(found) = public.iter().find(here) else {
            let place = region.map(|r| format!(" in the region `{r}`")).unwrap_or_default();
            return Err(format!("the cloud has no service `{kind}`{place}"));
        };
        match identity.starts_with("https:") && !found.url.starts_with("https:") {
            true => Err(format!("the catalog's address of the service `{kind}` is not https")),
            false => Ok(versioned(&found.url, service)),
        }
    }
}

fn versioned(url: &str, service: Service) -> String {
    let url = url.trim_end_matches('/');
    let version = |part: &str| {
        part.strip_prefix('v').is_some_and(|n| n.starts_with(|c: char| c.is_ascii_digit()))
    };
    // Behind the scheme and the host, which may begin with a `v` too.
    match url.split('/').skip(3).any(version) {
        true => url.to_owned(),
        false => format!("{url}{}", service.version()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn catalog(endpoints: serde_json::Value) -> Catalog {
        let entry = json!({ "type": "network", "name": "neutron", "endpoints": endpoints });
        Catalog(serde_json::from_value(json!([entry])).unwrap())
    }

    #[test]
    fn the_public_endpoint_of_the_region_is_taken() {
        let at = |interface: &str, region: &str, url: &str| {
            let place = json!({ "id": "1", "region_id": region, "region": region });
            let mut all = place;
            all["interface"] = interface.into();
            all["url"] = url.into();
            all
        };
        let two = catalog(json!([
            at("internal", "A", "https://inside"),
            at("public", "A", "https://a.example:9696/"),
            at("public", "B", "https://b.example/network/v2.0"),
        ]));
        let base = |region| two.base(Service::Network, region, "https://auth");
        assert_eq!(base(Some("A")).unwrap(), "https://a.example:9696/v2.0");
        assert_eq!(base(Some("B")).unwrap(), "https://b.example/network/v2.0");
        assert!(base(Some("C")).unwrap_err().contains("in the region `C`"));
        assert!(base(None).unwrap_err().contains("A, B"));
        assert!(two.base(Service::Image, Some("A"), "").unwrap_err().contains("`image`"));
    }

    #[test]
    fn no_service_is_called_in_the_clear_where_the_identity_service_is_not() {
        let clear = catalog(json!([{ "interface": "public", "url": "http://n" }]));
        assert!(clear.base(Service::Network, None, "https://auth").is_err());
        assert_eq!(clear.base(Service::Network, None, "http://auth").unwrap(), "http://n/v2.0");
    }

    #[test]
    fn a_version_is_added_where_the_catalog_has_none() {
        for (url, service, wanted) in [
            ("https://v1.example/compute/v2.1/abc", Service::Compute, ""),
            ("https://v1.example", Service::Compute, "/v2.1"),
            ("https://example/load-balancer", Service::Balancer, "/v2"),
            ("https://example/v2.0", Service::Balancer, ""),
        ] {
            assert_eq!(versioned(url, service), format!("{url}{wanted}"));
        }
    }
}
