//! The HTTP side: the live page, the picture as JSON, the stream of events, counters, health.
//!
//! It only reads: nothing here can change the broker, and every method but GET and HEAD is refused. Pages of other sites cannot
//! reach it either, see [`guard`].

mod api;
mod assets;
mod disk;
mod guard;
mod metrics;

use crate::{clock::Clock, engine::inbox::Inbox};
use axum::{Router, middleware, routing::get, serve::Listener};
use std::{
    io,
    net::SocketAddr,
    path::PathBuf,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
};

/// Connections to the HTTP address at one time. Browsers use about six each.
const CONNECTIONS_MAX: usize = 256;

/// What the pages need.
#[derive(Clone)]
pub struct State {
    inbox: Inbox,
    clock: Clock,
    hosts: Arc<guard::Hosts>,
    stopped: watch::Receiver<bool>,
    disk: Arc<disk::Disk>,
}

impl State {
    /// `bound` and `asked_for` are the addresses under which browsers may rightly ask; `data_dirs` is what they may look at.
    pub fn new(
        inbox: Inbox,
        clock: Clock,
        (bound, asked_for): (SocketAddr, &str),
        data_dirs: Vec<PathBuf>,
        stopped: watch::Receiver<bool>,
    ) -> Self {
        let hosts = Arc::new(guard::Hosts::new(bound, asked_for));
        State { inbox, clock, hosts, stopped, disk: Arc::new(disk::Disk::new(data_dirs)) }
    }
}

/// Serves until the process ends.
pub async fn serve(listener: TcpListener, state: State) -> io::Result<()> {
    let mut stopped = state.stopped.clone();
    let pages = Router::new()
        .route("/api/cluster", get(api::cluster))
        .route("/api/events", get(api::events))
        .route("/api/disk", get(disk::disk))
        .route("/api/disk/bytes", get(disk::bytes))
        .route("/metrics", get(metrics::metrics))
        .route("/healthz", get(api::healthz))
        .fallback(assets::page)
        .layer(middleware::from_fn_with_state(state.clone(), guard::guard))
        .with_state(state);
    let listener = Limited { listener, slots: Arc::new(Semaphore::new(CONNECTIONS_MAX)) };
    let stop = async move {
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    axum::serve(listener, pages).with_graceful_shutdown(stop).await
}

/// A listener with at most [`CONNECTIONS_MAX`] connections.
struct Limited {
    listener: TcpListener,
    slots: Arc<Semaphore>,
}

/// A connection that gives its slot back when it ends.
struct Connection {
    stream: TcpStream,
    _slot: Option<OwnedSemaphorePermit>,
}

impl Listener for Limited {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let slot = self.slots.clone().acquire_owned().await.ok();
        // axum's own accepting waits and goes on when the process has run out of descriptors.
        let (stream, peer) = Listener::accept(&mut self.listener).await;
        (Connection { stream, _slot: slot }, peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
