//! Tables in a bucket of S3-compatible storage.
//!
//! * Data files are named by their content and never changed: writing one again is harmless.
//! * The entries of a Delta log are made by *conditional* requests: of two writers of a version one fails.
//! * The pointer is replaced only if it is still the one that was there when the loaders' lock was taken ([`lock`]).
//! * Who reads a snapshot leaves an object that says so ([`lease`]).
//!
//! All talk with the server runs on a small runtime of its own, whoever asks: a caller that waits without letting its
//! own runtime work, or ends it, stops no connection.
//!
//! # Privacy
//! The bucket holds pseudonymised rows: who can read it is a steward. Its operator also sees when which table and year
//! is read. Credentials come from the environment alone and are in no message: of a server's answer only its code is
//! repeated, since some servers send back what they were sent. A bucket that keeps old versions of objects is refused:
//! nobody could be taken out of it.

mod config;
mod fault;
pub(crate) mod lease;
pub(crate) mod lock;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;

use bytes::Bytes;
use deltalake_core::logstore::{LogStoreRef, StorageConfig, default_logstore};
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use object_store::aws::{AmazonS3, AmazonS3Builder, S3ConditionalPut};
use object_store::client::SpawnedReqwestConnector;
use object_store::path::Path as Key;
use object_store::prefix::PrefixStore;
use object_store::{
    BackoffConfig, ClientOptions, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutPayload, PutResult,
    RetryConfig,
};
use tokio::runtime::Runtime;
use url::Url;

pub(crate) use config::Credentials;
pub use config::{Storage, StorageError};
pub(crate) use fault::without_answer;

use self::lock::Terms;
use crate::WarehouseError;

/// How long one request may take.
const REQUEST: Duration = Duration::from_secs(30);
/// How long a server that does not answer is tried.
const TRIES: Duration = Duration::from_secs(15);
/// How long is waited for something that is left when it does not come: a lock or a lease given back.
const PARTING: Duration = Duration::from_secs(5);

/// A bucket, or what lies in it below a prefix.
pub(crate) struct Bucket {
    /// `s3://BUCKET/PREFIX`.
    root: PathBuf,
    /// `s3://BUCKET`.
    url: String,
    prefix: Key,
    store: Arc<AmazonS3>,
    /// What messages call the server.
    server: String,
    runtime: &'static Runtime,
    pub(crate) terms: Terms,
    /// Whether the server was seen to keep to conditions.
    proven: AtomicBool,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket").field("root", &self.root).finish_non_exhaustive()
    }
}

impl PartialEq for Bucket {
    fn eq(&self, other: &Self) -> bool {
        (&self.root, &self.server) == (&other.root, &other.server)
    }
}

impl Eq for Bucket {}

/// An object below the prefix.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    /// When it was written, by the server's clock.
    pub(crate) written: Timestamp,
}

impl Bucket {
    /// Opens a bucket without asking the server anything.
    pub(crate) fn open(storage: &Storage, credentials: Credentials) -> Result<Self, WarehouseError> {
        let root = PathBuf::from(storage.url());
        let runtime = runtime().map_err(WarehouseError::io("open", &root))?;
        let options = ClientOptions::new()
            .with_allow_http(storage.allow_http)
            .with_connect_timeout(Duration::from_secs(5))
            .with_timeout(REQUEST);
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(storage.bucket())
            .with_region(storage.region())
            .with_credentials(Arc::new(credentials))
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .with_client_options(options)
            .with_http_connector(SpawnedReqwestConnector::new(runtime.handle().clone()))
            .with_retry(RetryConfig {
                backoff: BackoffConfig { max_backoff: Duration::from_secs(2), ..BackoffConfig::default() },
                max_retries: 5,
                retry_timeout: TRIES,
            });
        if let Some(endpoint) = &storage.endpoint {
            builder = builder.with_endpoint(endpoint.trim_end_matches('/'));
        }
        let server = storage.server();
        let store = builder.build().map_err(|error| {
            WarehouseError::io("open", &root)(fault::fault(&server, storage.bucket(), &error))
        })?;
        let (url, prefix) = (format!("s3://{}", storage.bucket()), Key::from(storage.prefix()));
        let (store, terms) = (Arc::new(store), Terms::default());
        Ok(Self { root, url, prefix, store, server, runtime, terms, proven: AtomicBool::new(false) })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// `s3://BUCKET`, and who answers for it.
    pub(crate) fn store(&self) -> (&str, Arc<dyn ObjectStore>) {
        (&self.url, self.store.clone())
    }

    /// The key of a path below the root.
    pub(crate) fn key(&self, path: &Path) -> io::Result<Key> {
        let below = path.strip_prefix(&self.root).ok().and_then(Path::to_str);
        let below = below.ok_or_else(|| io::Error::other("it is no path of this bucket"))?;
        let key = if self.prefix.as_ref().is_empty() {
            below.to_owned()
        } else {
            format!("{}/{below}", self.prefix)
        };
        Key::parse(key).map_err(io::Error::other)
    }

    /// The store of a table's log.
    pub(crate) fn log_store(&self, folder: &Path) -> io::Result<LogStoreRef> {
        let key = self.key(folder)?;
        let url = Url::parse(&format!("{}/{key}/", self.url)).map_err(io::Error::other)?;
        let table = PrefixStore::new(self.store.clone(), key);
        Ok(default_logstore(Arc::new(table), self.store.clone(), &url, &StorageConfig::default()))
    }

    /// Whether anything lies below a path.
    pub(crate) async fn has_any(&self, folder: &Path) -> io::Result<bool> {
        let mut found = self.store.list(Some(&self.key(folder)?));
        found.next().await.transpose().map(|object| object.is_some()).map_err(|error| self.fault(&error))
    }

    /// A whole object.
    pub(crate) fn read(self: &Arc<Self>, path: &Path) -> io::Result<Bytes> {
        let key = self.key(path)?;
        self.wait(async move |bucket| bucket.get(&key).await.map(|(content, _)| content))
    }

    /// Every object below the prefix.
    pub(crate) fn list(self: &Arc<Self>) -> io::Result<Vec<Object>> {
        self.wait(async |bucket| bucket.objects(&bucket.prefix).await)
    }

    /// Writes an object that is always the same under its name.
    pub(crate) fn write(self: &Arc<Self>, path: &Path, content: &[u8]) -> io::Result<()> {
        let (key, content) = (self.key(path)?, Bytes::copy_from_slice(content));
        self.wait(async move |bucket| {
            let written = bucket.put(&key, content, PutMode::Overwrite).await;
            written.map(drop).map_err(|error| bucket.fault(&error))
        })
    }

    /// Deletes objects, in any order; those that are not there are deleted already.
    pub(crate) fn remove(self: &Arc<Self>, paths: &[PathBuf]) -> io::Result<()> {
        let keys = paths.iter().map(|path| self.key(path)).collect::<io::Result<Vec<_>>>()?;
        self.wait(async move |bucket| bucket.delete(keys).await)
    }

    /// Does something on the runtime of the buckets, and waits for it.
    fn wait<T, E, F>(self: &Arc<Self>, work: impl FnOnce(Arc<Self>) -> F) -> Result<T, E>
    where
        T: Send + 'static,
        E: Send + From<io::Error> + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let (send, receive) = mpsc::sync_channel(1);
        let work = work(self.clone());
        self.runtime.spawn(async move { send.send(work.await) });
        receive.recv().unwrap_or_else(|_| Err(io::Error::other("the work was stopped").into()))
    }

    /// The same, but waits no longer than is polite when something is given back: what does not come lapses.
    fn part<F>(self: &Arc<Self>, work: impl FnOnce(Arc<Self>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (send, receive) = mpsc::sync_channel::<()>(1);
        let work = work(self.clone());
        self.runtime.spawn(async move {
            work.await;
            drop(send);
        });
        receive.recv_timeout(PARTING).ok();
    }

    async fn get(&self, key: &Key) -> io::Result<(Bytes, ObjectMeta)> {
        let found = async {
            let found = self.store.get(key).await?;
            let about = found.meta.clone();
            Ok((found.bytes().await?, about))
        };
        found.await.map_err(|error| self.fault(&error))
    }

    async fn put(&self, key: &Key, content: Bytes, mode: PutMode) -> object_store::Result<PutResult> {
        self.store.put_opts(key, PutPayload::from(content), mode.into()).await
    }

    async fn delete(&self, keys: Vec<Key>) -> io::Result<()> {
        let gone = self.store.delete_stream(futures::stream::iter(keys.into_iter().map(Ok)).boxed());
        match gone.try_for_each(|_| async { Ok(()) }).await {
            Err(object_store::Error::NotFound { .. }) | Ok(()) => Ok(()),
            Err(error) => Err(self.fault(&error)),
        }
    }

    async fn objects(&self, below: &Key) -> io::Result<Vec<Object>> {
        let below = (!below.as_ref().is_empty()).then_some(below);
        let found: Vec<ObjectMeta> =
            self.store.list(below).try_collect().await.map_err(|error| self.fault(&error))?;
        let object = |about: ObjectMeta| {
            let key = about.location.as_ref().strip_prefix(self.prefix.as_ref()).unwrap_or_default();
            let path = self.root.join(key.trim_start_matches('/'));
            Ok(Object { path, bytes: about.size, written: timestamp(&about)? })
        };
        found.into_iter().map(object).collect()
    }

    /// The time by the server's clock, to the second, never ahead of it.
    async fn now(&self) -> io::Result<Timestamp> {
        let key = self.key(&self.root.join(".clock"))?;
        let written = self.put(&key, Bytes::new(), PutMode::Overwrite).await;
        written.map_err(|error| self.fault(&error))?;
        let about = self.store.head(&key).await.map_err(|error| self.fault(&error))?;
        timestamp(&about)
    }

    fn fault(&self, error: &object_store::Error) -> io::Error {
        fault::fault(&self.server, self.url.trim_start_matches("s3://"), error)
    }
}

fn timestamp(about: &ObjectMeta) -> io::Result<Timestamp> {
    Timestamp::from_second(about.last_modified.timestamp()).map_err(io::Error::other)
}

/// The runtime of all buckets; it lives as long as the process.
fn runtime() -> io::Result<&'static Runtime> {
    static RUNTIME: OnceLock<io::Result<Runtime>> = OnceLock::new();
    let made = RUNTIME.get_or_init(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(2).thread_name("bucket").enable_all().build()
    });
    made.as_ref().map_err(|error| io::Error::new(error.kind(), error.to_string()))
}
