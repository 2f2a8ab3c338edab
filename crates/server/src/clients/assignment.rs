//! What a client is told of itself.

use damm_age::Identity;
use damm_assign::path_of;
use damm_catalog::{SubscriptionPath, audience};
use damm_fleet::RegionName;
use damm_fleet::topology::{Channel, bare};
use damm_protocol::{Assignment, At, CredentialId, Place, Secret32, SecretText};
use hyper::StatusCode;
use hyper::header::{self, HeaderValue};

use super::routes::Denied;
use super::{Client, ClientsEndpoint};
use crate::reply::{Reply, json};

impl ClientsEndpoint {
    pub(super) async fn assignment_again(&self, path: &SubscriptionPath) -> Result<Reply, Denied> {
        let (credential, client) = self.client(path).await?;
        Ok(self.assign(credential.id, &client))
    }

    /// The answer with a client's assignment. No cache on the way is to keep it.
    pub(super) fn assign(&self, number: CredentialId, client: &Client) -> Reply {
        let mut reply = json(StatusCode::OK, &self.assignment(number, client));
        let no_store = HeaderValue::from_static("no-store");
        reply.headers_mut().insert(header::CACHE_CONTROL, no_store);
        reply
    }

    fn assignment(&self, number: CredentialId, client: &Client) -> Assignment {
        let (topology, keys) = (&self.parts.topology, &self.parts.keys);
        let population = &client.population;
        let regions = topology.populations.get(population).into_iter().flat_map(|p| &p.regions);
        let regions: Vec<RegionName> = regions.cloned().collect();
        let buckets = topology.catalog.buckets;
        let path = path_of(&keys.secret().assign_key(), population, buckets, number.number());
        let place = |channel: &Channel| {
            let names = keys.secret().channel(&channel.name());
            let name = |region, bucket: &u32| {
                channel.file_name(names.object_name(region, population, *bucket))
            };
            let objects = regions.iter().map(|region| {
                (region.clone(), path.iter().map(|bucket| name(region, bucket)).collect())
            });
            let (at, objects) = (at(channel), objects.collect());
            Place { at, sealed: channel.is_sealed(), objects }
        };
        let identity = |bucket: &u32| {
            let identity = Identity::new(*keys.secret().bucket_identity(population, *bucket));
            SecretText::new(identity.to_text().as_str())
        };
        let assign = keys.secret().assign_key();
        let audience = |region, bucket: &u32| {
            audience(&assign, &topology.fleet, region, population, *bucket).to_string()
        };
        let audiences = regions.iter().map(|region| {
            (region.clone(), path.iter().map(|bucket| audience(region, bucket)).collect())
        });
        Assignment {
            number,
            fleet: topology.fleet.clone(),
            population: population.clone(),
            root: String::from_utf8_lossy(keys.root()).into_owned(),
            path: SecretText::new(self.paths.path(number.number()).as_str()),
            places: topology.catalog.channels.iter().map(place).collect(),
            audiences: audiences.collect(),
            regions: regions.clone(),
            // Also while nothing is sealed: channels come and go, and this is told once.
            identities: path.iter().map(identity).collect(),
            reporter: Secret32::new(keys.secret().reporter(number.number())),
        }
    }
}

/// How clients ask a channel.
fn at(channel: &Channel) -> At {
    match (channel, channel.url()) {
        (Channel::Dns { zone, .. }, _) => At::Names { zone: bare(zone).to_owned() },
        (_, Some(url)) => At::Files { url },
        (Channel::Directory { path, .. }, None) => At::Directory { path: path.clone() },
        // A store always has an address.
        (Channel::S3 { endpoint, .. }, None) => At::Files { url: endpoint.clone() },
    }
}
