//! Read leases in a bucket: who reads a snapshot first writes an object `.leases/SNAPSHOT/READER`, then looks at the
//! pointer again: if it moved meanwhile, it begins anew. So a lease of an older snapshot is there before the pointer
//! moves on, and whoever deletes under the loaders' lock sees it, since a bucket shows what was written before.
//!
//! A reader that is done deletes its lease. One that died leaves it behind: a question has a deadline, so a lease
//! that is older than that (and some time to settle) by the server's clock counts no more. A reader that is stopped for
//! longer may find its files gone: then reading fails, and no figure is wrong.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use object_store::PutMode;
use object_store::path::Path as Key;

use super::Bucket;
use crate::WarehouseError;
use crate::storage::home::Home;
use crate::storage::lease::{FOLDER, Lease, Waiting};
use crate::storage::pointer::Pointer;

/// How often somebody who waits for readers looks again.
const LOOK: Duration = Duration::from_millis(250);

/// A reader's object; deleted when dropped.
#[derive(Debug)]
pub(crate) struct LeaseObject {
    bucket: Arc<Bucket>,
    key: Key,
}

impl Drop for LeaseObject {
    fn drop(&mut self) {
        let key = self.key.clone();
        self.bucket.part(async move |bucket| drop(bucket.delete(vec![key]).await));
    }
}

/// The pointer as it is, with a lease of what it names.
pub(crate) fn take(bucket: &Arc<Bucket>) -> Result<Option<(Pointer, Lease)>, WarehouseError> {
    let home = Home::Bucket(bucket.clone());
    loop {
        let Some(pointer) = Pointer::read(&home)? else { return Ok(None) };
        let folder = bucket.root().join(FOLDER).join(&pointer.id);
        let lease = write(bucket, &folder).map_err(WarehouseError::io("write", &folder))?;
        if Pointer::read(&home)?.as_ref() == Some(&pointer) {
            return Ok(Some((pointer, Lease::of_object(lease))));
        }
    }
}

fn write(bucket: &Arc<Bucket>, folder: &std::path::Path) -> io::Result<LeaseObject> {
    let mut reader = [0; 16];
    getrandom::fill(&mut reader).map_err(|_| io::Error::other("the system gives no random numbers"))?;
    let key = bucket.key(&folder.join(format!("{:032x}", u128::from_be_bytes(reader))))?;
    let lease = LeaseObject { bucket: bucket.clone(), key: key.clone() };
    bucket.wait(async move |bucket| {
        let written = bucket.put(&key, Bytes::new(), PutMode::Overwrite).await;
        written.map(drop).map_err(|error| bucket.fault(&error))
    })?;
    Ok(lease)
}

/// Waits until nobody reads an older snapshot, but no longer than `patience`; gives the leases that readers who died
/// left behind. Under the loaders' lock.
pub(crate) fn wait(
    bucket: &Arc<Bucket>,
    current: Option<&str>,
    lasts: Duration,
    patience: Duration,
) -> Result<Vec<PathBuf>, WarehouseError> {
    let (started, mut waiting) = (Instant::now(), Waiting::default());
    let folder = bucket.root().join(FOLDER);
    let of_current = current.map(|id| folder.join(id));
    loop {
        let key = bucket.key(&folder).map_err(WarehouseError::io("read", &folder))?;
        let found = bucket.wait(async move |bucket| Ok((bucket.now().await?, bucket.objects(&key).await?)));
        let (now, leases) = found.map_err(WarehouseError::io("read", &folder))?;
        let others: Vec<_> = leases
            .into_iter()
            .filter(|lease| of_current.as_ref().is_none_or(|current| !lease.path.starts_with(current)))
            .collect();
        let counts = |written: jiff::Timestamp| {
            // Both are the server's, and to the second.
            Duration::try_from(now.duration_since(written))
                .map_or(true, |age| age <= lasts + Duration::from_secs(1))
        };
        if !others.iter().any(|lease| counts(lease.written)) {
            return Ok(others.into_iter().map(|lease| lease.path).collect());
        }
        if started.elapsed() >= patience {
            return Err(WarehouseError::StillRead { seconds: patience.as_secs() });
        }
        waiting.go_on(started.elapsed(), patience);
        std::thread::sleep(LOOK);
    }
}
