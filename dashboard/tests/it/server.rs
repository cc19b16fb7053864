//! Listening and stopping.

use std::{net::SocketAddr, time::Duration};

use skjerm_dashboard::{DashboardError, DashboardState, bind, serve, serve_on};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
};

use crate::made_up::MadeUp;

fn anywhere() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

fn state() -> DashboardState {
    DashboardState::new(MadeUp::default())
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let first = bind(anywhere()).await.unwrap();
    let address = first.local_addr().unwrap();
    let error = serve(state(), address, std::future::pending()).await.unwrap_err();
    assert!(matches!(error, DashboardError::Taken(a) if a == address));
    assert!(
        error.to_string().contains(&address.to_string()) && error.to_string().contains("--listen"),
        "{error}"
    );
}

#[tokio::test]
async fn it_answers_and_stops_when_asked_even_with_an_idle_connection() {
    let listener = bind(anywhere()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(serve_on(state(), listener, async {
        let _ = stopped.await;
    }));
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = vec![0; 15];
    connection.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 200 OK");
    // One that never finishes its request must not keep the server.
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(10), server).await.unwrap().unwrap().unwrap();
}
