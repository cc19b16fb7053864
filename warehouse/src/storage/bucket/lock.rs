//! The loaders' lock in a bucket: the object `.lock`, which says who holds it, and is written by conditional requests
//! alone. The holder writes it anew every [`Terms::renew`]; one that was not written for [`Terms::lapse`], by the
//! server's clock, may be taken over.
//!
//! *What could go wrong.*
//! * *Two take it at once.* Each asks for the object to be as they last saw it; the server lets one through.
//! * *Renewal fails, or the process is stopped for a while.* The holder acts only while its last renewal that went
//!   through was begun less than [`Terms::hold`] ago, by two clocks of its own: one may stand still while a machine
//!   sleeps, the other may be set. That is shorter than what others wait, by more than a request takes.
//! * *It is stopped between looking at its clocks and acting.* The pointer is then still the one of before for
//!   whoever took over, since it is replaced only if it is the one that was there when the lock was taken; an entry of
//!   a log is made only where there is none, and one that nobody points to is taken out by the next load; a data file
//!   is always the same under its name. What is left is a deletion that comes late: it could hit a file that a
//!   later load made again with the very same rows, if a process is stopped at that one moment for longer than
//!   `lapse` − `hold`. No figure would be wrong by it: reading such a file fails, and the check names it.
//! * *Clocks differ.* No clock of ours is compared with the server's, and both only measure how long something took.
//! * *A server does not keep to conditions, or keeps old versions.* Both are looked for before the first work.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use object_store::path::Path as Key;
use object_store::{Error, ObjectStoreExt, PutMode, PutResult, UpdateVersion};
use tokio::task::AbortHandle;

use super::Bucket;
use crate::WarehouseError;

/// Times of the lock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// How often the holder writes it anew.
    pub(crate) renew: Duration,
    /// How long after the begin of a renewal the holder acts.
    pub(crate) hold: Duration,
    /// How long nobody else takes it, by the server's clock.
    pub(crate) lapse: Duration,
    /// How often somebody who waits looks again.
    pub(crate) look: Duration,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            renew: Duration::from_secs(10),
            hold: Duration::from_secs(40),
            lapse: Duration::from_secs(90),
            look: Duration::from_millis(250),
        }
    }
}

/// The lock, held. Given back when dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    bucket: Arc<Bucket>,
    token: String,
    held: Arc<Mutex<Held>>,
    /// The pointer as it was when the lock was taken, or as the holder has made it since.
    pointer: Mutex<Option<UpdateVersion>>,
    renewing: AbortHandle,
}

/// What the holder knows.
#[derive(Debug)]
struct Held {
    version: UpdateVersion,
    times: u64,
    /// When the last renewal was begun; nothing once the lock is known to be another's.
    begun: Option<(Instant, SystemTime)>,
}

/// What the object says.
struct Said {
    holder: Option<String>,
    version: UpdateVersion,
    written: jiff::Timestamp,
}

impl Lock {
    /// Waits until nobody else holds it.
    pub(crate) fn wait(bucket: &Arc<Bucket>) -> Result<Self, WarehouseError> {
        let path = bucket.root().join(".lock");
        bucket.wait(async |bucket| take(bucket).await).map_err(WarehouseError::io("lock", &path))
    }

    /// Whether whoever holds it may still act.
    pub(crate) fn still(&self) -> io::Result<()> {
        let begun = self.held.lock().ok().and_then(|held| held.begun);
        let since = begun.map(|(instant, clock)| {
            // A clock that was set back says nothing.
            instant.elapsed().max(clock.elapsed().unwrap_or_default())
        });
        match since {
            Some(since) if since < self.bucket.terms.hold => Ok(()),
            _ => Err(io::Error::other(
                "the loaders' lock was lost, since it could not be renewed in time; run the command again",
            )),
        }
    }

    /// Replaces the pointer if it is the one that was there when the lock was taken.
    pub(crate) fn point(&self, content: &[u8]) -> io::Result<()> {
        self.still()?;
        let content = Bytes::copy_from_slice(content);
        let before = self.pointer.lock().map_err(|_| io::Error::other("interrupted"))?.clone();
        let after = self.bucket.wait(async move |bucket| point(&bucket, content, before).await)?;
        *self.pointer.lock().map_err(|_| io::Error::other("interrupted"))? = Some(after);
        Ok(())
    }

    /// The same as a holder that dies here: renews no more and gives nothing back.
    #[cfg(test)]
    pub(crate) fn die(self) {
        self.renewing.abort();
        std::mem::forget(self);
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.renewing.abort();
        let token = self.token.clone();
        self.bucket.part(async move |bucket| {
            // A renewal that is still under way may come between; one that comes later fails.
            for attempt in 0..3 {
                let Ok(Some(said)) = look(&bucket).await else { return };
                if said.holder.as_ref() != Some(&token) {
                    return;
                }
                let free = format!("free {token} {attempt}\n");
                if write(&bucket, free, PutMode::Update(said.version)).await.is_ok() {
                    return;
                }
            }
        });
    }
}

async fn take(bucket: Arc<Bucket>) -> io::Result<Lock> {
    let mut token = [0; 16];
    getrandom::fill(&mut token).map_err(|_| io::Error::other("the system gives no random numbers"))?;
    let token = format!("{:032x}", u128::from_be_bytes(token));
    let (mut seen, mut begun) = (None, (Instant::now(), SystemTime::now()));
    let mut is_told = false;
    let version = loop {
        let mode = match look(&bucket).await? {
            None => PutMode::Create,
            // Written, though the answer was lost.
            Some(said) if said.holder.as_ref() == Some(&token) => break said.version,
            Some(said) => {
                let lapsed = said.holder.is_some()
                    && seen.replace(said.version.e_tag.clone()) == Some(said.version.e_tag.clone())
                    && is_lapsed(&bucket, said.written).await?;
                if said.holder.is_some() && !lapsed {
                    if !is_told {
                        is_told = true;
                        tracing::warn!("{}", crate::storage::files::BUSY);
                    }
                    tokio::time::sleep(bucket.terms.look).await;
                    continue;
                }
                PutMode::Update(said.version)
            }
        };
        begun = (Instant::now(), SystemTime::now());
        match write(&bucket, format!("held {token} 0\n"), mode).await {
            Ok(done) => {
                refuse_versions(&done)?;
                break version(done);
            }
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {}
            Err(error) => return Err(bucket.fault(&error)),
        }
    };
    prove(&bucket, &token).await?;
    let pointer = match bucket.store.head(&pointer_key(&bucket)?).await {
        Ok(about) => Some(UpdateVersion { e_tag: about.e_tag, version: None }),
        Err(Error::NotFound { .. }) => None,
        Err(error) => return Err(bucket.fault(&error)),
    };
    let held = Arc::new(Mutex::new(Held { version, times: 0, begun: Some(begun) }));
    let renewing = bucket.runtime.spawn(renew(bucket.clone(), token.clone(), held.clone())).abort_handle();
    Ok(Lock { bucket, token, held, pointer: Mutex::new(pointer), renewing })
}

/// Writes the lock anew, for as long as it is the holder's.
async fn renew(bucket: Arc<Bucket>, token: String, held: Arc<Mutex<Held>>) {
    loop {
        tokio::time::sleep(bucket.terms.renew).await;
        let begun = (Instant::now(), SystemTime::now());
        let Some((last, times)) = held.lock().ok().map(|held| (held.version.clone(), held.times + 1)) else {
            return;
        };
        let written = write(&bucket, format!("held {token} {times}\n"), PutMode::Update(last)).await;
        let now = match written {
            Ok(done) => Some(version(done)),
            // Another's, or our own whose answer was lost.
            Err(Error::Precondition { .. } | Error::AlreadyExists { .. }) => match look(&bucket).await {
                Ok(Some(said)) if said.holder.as_ref() == Some(&token) => Some(said.version),
                Ok(_) => None,
                Err(_) => continue,
            },
            Err(_) => continue,
        };
        let Ok(mut held) = held.lock() else { return };
        held.begun = now.is_some().then_some(begun);
        match now {
            Some(version) => (held.version, held.times) = (version, times),
            None => return,
        }
    }
}

async fn point(bucket: &Bucket, content: Bytes, before: Option<UpdateVersion>) -> io::Result<UpdateVersion> {
    let key = pointer_key(bucket)?;
    let mode = before.map_or(PutMode::Create, PutMode::Update);
    let error = match bucket.put(&key, content.clone(), mode).await {
        Ok(done) => return Ok(version(done)),
        Err(error) => error,
    };
    // It may have been done, and the answer lost.
    if let Ok((there, about)) = bucket.get(&key).await
        && there == content
    {
        return Ok(UpdateVersion { e_tag: about.e_tag, version: None });
    }
    Err(match error {
        Error::AlreadyExists { .. } | Error::Precondition { .. } => io::Error::other(
            "another loader replaced it after this one had lost the lock, so its own work is not in effect; run the command again",
        ),
        error => bucket.fault(&error),
    })
}

async fn look(bucket: &Bucket) -> io::Result<Option<Said>> {
    match bucket.get(&key(bucket)?).await {
        Ok((content, about)) => {
            let text = String::from_utf8_lossy(&content);
            let mut words = text.split_whitespace();
            let holder = (words.next() == Some("held")).then(|| words.next().unwrap_or_default().to_owned());
            let written = super::timestamp(&about)?;
            Ok(Some(Said { holder, version: UpdateVersion { e_tag: about.e_tag, version: None }, written }))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Both times are the server's, and to the second: a second more is waited.
async fn is_lapsed(bucket: &Bucket, written: jiff::Timestamp) -> io::Result<bool> {
    let age = bucket.now().await?.duration_since(written);
    Ok(Duration::try_from(age).is_ok_and(|age| age > bucket.terms.lapse + Duration::from_secs(1)))
}

/// Asks for what must be refused, once: without conditions that hold, two loaders would destroy each other's work.
async fn prove(bucket: &Bucket, token: &str) -> io::Result<()> {
    if bucket.proven.load(Ordering::Relaxed) {
        return Ok(());
    }
    let other = UpdateVersion { e_tag: Some(format!("\"{token}\"")), version: None };
    for mode in [PutMode::Create, PutMode::Update(other)] {
        match write(bucket, format!("held {token} 0\n"), mode).await {
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {}
            Ok(_) => {
                return Err(io::Error::other(format!(
                    "{} ignores the conditions If-None-Match and If-Match, so that two loaders could destroy each other's work; use a server that keeps to them",
                    bucket.server
                )));
            }
            Err(error) => return Err(bucket.fault(&error)),
        }
    }
    bucket.proven.store(true, Ordering::Relaxed);
    Ok(())
}

fn refuse_versions(done: &PutResult) -> io::Result<()> {
    match done.version.as_deref() {
        None | Some("null") => Ok(()),
        Some(_) => Err(io::Error::other(
            "the bucket keeps old versions of its objects, so that nobody could be taken out of it; make one without versioning",
        )),
    }
}

async fn write(bucket: &Bucket, text: String, mode: PutMode) -> Result<PutResult, Error> {
    let key = key(bucket).map_err(|error| Error::Generic { store: "bucket", source: error.into() })?;
    bucket.put(&key, Bytes::from(text), mode).await
}

fn version(done: PutResult) -> UpdateVersion {
    UpdateVersion { e_tag: done.e_tag, version: None }
}

fn key(bucket: &Bucket) -> io::Result<Key> {
    bucket.key(&bucket.root().join(".lock"))
}

fn pointer_key(bucket: &Bucket) -> io::Result<Key> {
    let path: PathBuf = super::super::pointer::path(bucket.root());
    bucket.key(&path)
}
