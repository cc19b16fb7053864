//! An S3 server on this machine, for tests: `s3s-fs` behind a listener on 127.0.0.1, with objects as plain files.
//!
//! What it is not: `s3s-fs` looks at a condition and then writes, so that of two conditional requests at once both
//! could go through. Here requests that write are let in one after the other, which makes conditions hold as on a real
//! server. It makes a bucket for whoever writes into one that is not there; here that is refused. It can also be told to
//! misbehave in ways that servers do.

#![forbid(unsafe_code)]

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use http::{Method, Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use s3s::access::S3Access;
use s3s::auth::SimpleAuth;
use s3s::dto::PutObjectInput;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3Request, S3Result, s3_error};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::RwLock;
use tokio::sync::oneshot;

/// The id of the key that the server lets in.
pub const KEY_ID: &str = "SYNTHETICKEY";
/// Its secret.
pub const SECRET: &str = "synthetic-secret-of-the-tests";

/// How the server treats requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// As it should.
    Proper = 0,
    /// `If-Match` and `If-None-Match` are ignored.
    NoConditions = 1,
    /// Answers say that old versions are kept.
    Versions = 2,
    /// The next thing that is written is written, and the connection is closed without an answer; then as it should.
    SilentOnce = 3,
    /// Nothing is done, and every answer is 503.
    Overloaded = 4,
}

/// A running server. It ends when dropped, and its objects go.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    folder: tempfile::TempDir,
    manner: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Server {
    /// Starts a server on a free port.
    pub fn start() -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let (manner, requests) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let files = s3s_fs::FileSystem::new(folder.path())
            .map_err(|error| io::Error::other(format!("the folder of the objects: {error:?}")))?;
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(KEY_ID, SECRET));
        builder.set_access(Access { manner: manner.clone(), folder: folder.path().to_owned() });
        let door = Door {
            service: builder.build(),
            manner: manner.clone(),
            requests: requests.clone(),
            writing: Arc::new(RwLock::new(())),
        };
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let serve = move || {
            runtime.block_on(async {
                let Ok(listener) = TcpListener::from_std(listener) else { return };
                tokio::select! {
                    () = accept(&listener, &door) => {}
                    _ = stopped => {}
                }
            });
            runtime.shutdown_background();
        };
        let thread = thread::Builder::new().name("loopback".to_owned()).spawn(serve)?;
        Ok(Self { address, folder, manner, requests, stop: Some(stop), thread: Some(thread) })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Makes a bucket and gives the folder of its objects.
    pub fn make_bucket(&self, name: &str) -> io::Result<PathBuf> {
        let folder = self.bucket(name);
        std::fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// The folder of a bucket's objects.
    pub fn bucket(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Treats requests so from now on.
    pub fn behave(&self, manner: Manner) {
        self.manner.store(manner as usize, Ordering::SeqCst);
    }

    /// How many requests there were.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

async fn accept(listener: &TcpListener, door: &Door) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        tokio::spawn(serve(stream, door.clone()));
    }
}

async fn serve(stream: TcpStream, door: Door) {
    let service = hyper::service::service_fn(move |request| {
        let door = door.clone();
        async move { door.answer(request).await }
    });
    // A connection that ends early is the client's affair.
    drop(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
}

#[derive(Clone)]
struct Door {
    service: S3Service,
    manner: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
    writing: Arc<RwLock<()>>,
}

impl Door {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<s3s::Body>, NoAnswer> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        let is = |manner: Manner| self.manner.load(Ordering::SeqCst) == manner as usize;
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        if is(Manner::Overloaded) {
            let mut answer = Response::new(s3s::Body::empty());
            *answer.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
            return Ok(answer);
        }
        let request = request.map(s3s::Body::from);
        let answer = if reads {
            let _shared = self.writing.read().await;
            self.service.call(request).await
        } else {
            let _alone = self.writing.write().await;
            self.service.call(request).await
        };
        let mut answer = answer.map_err(|_| NoAnswer)?;
        if is(Manner::SilentOnce) && !reads {
            self.manner.store(Manner::Proper as usize, Ordering::SeqCst);
            return Err(NoAnswer);
        }
        if is(Manner::Versions) {
            answer.headers_mut().insert("x-amz-version-id", http::HeaderValue::from_static("v1"));
        }
        Ok(answer)
    }
}

/// Closes the connection.
#[derive(Debug)]
struct NoAnswer;

impl std::fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no answer")
    }
}

impl std::error::Error for NoAnswer {}

/// Lets everybody in who is known, and forgets conditions when told to.
struct Access {
    manner: Arc<AtomicUsize>,
    folder: PathBuf,
}

#[async_trait::async_trait]
impl S3Access for Access {
    async fn put_object(&self, request: &mut S3Request<PutObjectInput>) -> S3Result<()> {
        if !self.folder.join(&request.input.bucket).is_dir() {
            return Err(s3_error!(NoSuchBucket));
        }
        if self.manner.load(Ordering::SeqCst) == Manner::NoConditions as usize {
            request.input.if_match = None;
            request.input.if_none_match = None;
        }
        Ok(())
    }
}
