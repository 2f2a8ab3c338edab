//! Where the embedded cloud keeps its objects between processes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

/// A failure of whatever keeps the objects.
pub type StorageError = Box<dyn std::error::Error + Send + Sync>;

/// Keeps the embedded cloud's objects: a key and a JSON text for each.
#[async_trait]
pub trait SimStorage: Send + Sync {
    /// Everything that was put and not taken out since.
    ///
    /// # Errors
    ///
    /// Whatever the storage fails with.
    async fn load(&self) -> Result<Vec<(String, String)>, StorageError>;

    /// Puts (`Some`) and takes out (`None`), all or nothing, durable once it returns.
    ///
    /// # Errors
    ///
    /// Whatever the storage fails with; nothing is changed then.
    async fn put(&self, objects: &[(String, Option<String>)]) -> Result<(), StorageError>;
}

/// Keeps the objects in memory. A clone is the same storage, as a restarted process would see it.
#[derive(Debug, Clone, Default)]
pub struct MemoryStorage {
    objects: Arc<Mutex<BTreeMap<String, String>>>,
}

impl MemoryStorage {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        // Each put is one extend or one removal at a time; a panic elsewhere can't tear it.
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl SimStorage for MemoryStorage {
    async fn load(&self) -> Result<Vec<(String, String)>, StorageError> {
        let objects = self.lock();
        Ok(objects.iter().map(|(k, v)| (k.clone(), v.clone())).collect())
    }

    async fn put(&self, objects: &[(String, Option<String>)]) -> Result<(), StorageError> {
        let mut kept = self.lock();
        for (key, object) in objects {
            match object {
                Some(json) => kept.insert(key.clone(), json.clone()),
                None => kept.remove(key),
            };
        }
        Ok(())
    }
}
