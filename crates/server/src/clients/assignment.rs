//! What a client is told of itself.

use damm_assign::path_of;
use damm_catalog::SubscriptionPath;
use damm_engine::directory;
use damm_fleet::RegionName;
use damm_fleet::topology::Channel;
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
        let place = |Channel::Directory { path: dir }: &Channel| {
            let names = keys.secret().channel(&format!("directory:{dir}"));
            let name = |region, bucket| {
                directory::file_name(&names.object_name(region, population, bucket))
            };
            let objects = regions.iter().map(|region| {
                (region.clone(), path.iter().map(|bucket| name(region, *bucket)).collect())
            });
            let at = At::Directory { path: dir.clone() };
            Place { at, sealed: false, objects: objects.collect() }
        };
        Assignment {
            number,
            fleet: topology.fleet.clone(),
            population: population.clone(),
            root: String::from_utf8_lossy(keys.root()).into_owned(),
            path: SecretText::new(self.paths.path(number.number()).as_str()),
            places: topology.catalog.channels.iter().map(place).collect(),
            regions: regions.clone(),
            // Nothing that is published is sealed yet.
            identities: Vec::new(),
            reporter: Secret32::new(keys.secret().reporter(number.number())),
        }
    }
}
