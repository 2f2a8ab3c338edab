//! The embedded cloud's objects, kept in the state file.

use async_trait::async_trait;
use damm_clouds::sim::{SimStorage, StorageError};
use damm_store::Store;

/// Keeps the embedded cloud's objects in a state file, beside the fleet's own rows.
#[derive(Debug, Clone)]
pub struct InState(pub Store);

#[async_trait]
impl SimStorage for InState {
    async fn load(&self) -> Result<Vec<(String, String)>, StorageError> {
        Ok(self.0.sim_objects().await?)
    }

    async fn put(&self, objects: &[(String, Option<String>)]) -> Result<(), StorageError> {
        Ok(self.0.put_sim_objects(objects).await?)
    }
}
