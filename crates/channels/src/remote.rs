//! From a topology's channels to what the engine calls.

use std::sync::Arc;

use damm_clouds::Providers;
use damm_fleet::Topology;
use damm_fleet::topology::Channel as Described;
use damm_vendors::SetupError;
use damm_vendors::credentials;
use damm_vendors::registry::Around;

use crate::dns::Zone;
use crate::s3::{Bucket, Store};

/// Adds all channels of a topology to what the engine calls. Nothing is called yet.
///
/// # Errors
///
/// The first channel that can't be set up.
pub fn connect(
    providers: &mut Providers,
    topology: &Topology,
    around: &Around<'_>,
) -> Result<(), SetupError> {
    crate::local(providers, topology, around.base);
    for channel in &topology.catalog.channels {
        let read = |from| credentials::read(from, around.base, around.environment);
        let opened: Arc<dyn damm_clouds::Channel> = match channel {
            Described::Directory { .. } => continue,
            Described::S3 { endpoint, bucket, region, prefix, credentials, ca, .. } => {
                let store = Store {
                    name: channel.name(),
                    endpoint: endpoint.trim_end_matches('/').to_owned(),
                    bucket: bucket.clone(),
                    region: region.clone(),
                    prefix: prefix.clone(),
                    ca: ca.as_ref().map(|file| around.base.join(file)),
                    clock: around.clock.clone(),
                };
                Arc::new(Bucket::open(store, &read(credentials)?)?)
            }
            Described::Dns { server, zone, ttl, credentials } => {
                Arc::new(Zone::open(server, zone, *ttl, &read(credentials)?)?)
            }
        };
        providers.channels.insert(channel.name(), opened);
    }
    Ok(())
}
