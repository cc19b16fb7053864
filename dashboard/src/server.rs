//! Listening, and stopping in an orderly way.

use std::{
    future::Future,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    time::Duration,
};

use tokio::net::TcpListener;

use crate::{Site, SourceError, router};

/// Where the dashboard listens unless told otherwise: this machine alone.
pub const DEFAULT_ADDRESS: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 8023));

/// How long open connections may finish after the wish to stop.
const GRACE: Duration = Duration::from_secs(5);

/// Why the dashboard does not run.
#[derive(Debug, thiserror::Error)]
pub enum DashboardError {
    /// The installation could not be opened.
    #[error("the dashboard cannot open the installation: {0}")]
    Open(String),
    /// What is published could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Another program listens there.
    #[error(
        "{0} is taken by another program, perhaps another dashboard; stop it, or choose another address with --listen"
    )]
    Taken(SocketAddr),
    /// The address cannot be listened on for another reason.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The steward's page would be open to a network.
    #[error(
        "the steward's page is for this machine alone, and {0} can be reached by others: without encryption they could read along; \
         leave out --listen or --steward"
    )]
    NotLoopback(SocketAddr),
    /// The server ended by itself.
    #[error("the dashboard's server ended: {0}")]
    Serve(#[source] std::io::Error),
}

/// Takes the address. With port 0 the system chooses one: ask the listener which.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, DashboardError> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        std::io::ErrorKind::AddrInUse => DashboardError::Taken(address),
        _ => DashboardError::Listen { address, source },
    })
}

/// Refuses an address that others can reach: the steward's page is not for them.
pub fn for_this_machine(address: SocketAddr) -> Result<(), DashboardError> {
    if address.ip().is_loopback() { Ok(()) } else { Err(DashboardError::NotLoopback(address)) }
}

/// Serves until `shutdown` is ready.
pub async fn serve(
    site: impl Into<Site>,
    address: SocketAddr,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), DashboardError> {
    serve_on(site, bind(address).await?, shutdown).await
}

/// Serves on an address that is already taken, until `shutdown` is ready; then open requests get a few seconds.
pub async fn serve_on(
    site: impl Into<Site>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), DashboardError> {
    let site = site.into();
    if site.steward.is_some() {
        let address = listener.local_addr().map_err(DashboardError::Serve)?;
        for_this_machine(address)?;
    }
    let (stopping, stopped) = tokio::sync::oneshot::channel::<()>();
    let asked = async move {
        shutdown.await;
        let _ = stopping.send(());
    };
    let server = axum::serve(listener, router(site)).with_graceful_shutdown(asked);
    let late = async move {
        // A dropped sender means that the server ended by itself: then its own result is the answer.
        if stopped.await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        result = async { server.await } => result.map_err(DashboardError::Serve),
        () = late => Ok(()),
    }
}
