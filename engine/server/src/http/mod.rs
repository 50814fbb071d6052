//! The HTTP side: the live page, the picture as JSON, the stream of events, counters, health.
//!
//! It only reads: nothing here can change what the broker keeps, and every method but GET and HEAD is refused. Pages of other
//! sites cannot reach it either, see [`guard`]. The one exception is for brokers that `naru cluster` has started: it has a token,
//! and with that it can make their disks slow ([`control`]).

mod api;
mod assets;
mod control;
mod disk;
mod guard;
mod metrics;

pub use guard::Guard;

use crate::{clock::Clock, engine::inbox::Inbox};
use axum::{
    Router, middleware,
    routing::{get, post},
    serve::Listener,
};
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
    guard: Arc<Guard>,
    stopped: watch::Receiver<bool>,
    disk: Arc<disk::Disk>,
}

impl State {
    /// `data_dirs` is what pages may look at.
    pub fn new(
        inbox: Inbox,
        clock: Clock,
        guard: Arc<Guard>,
        data_dirs: Vec<PathBuf>,
        stopped: watch::Receiver<bool>,
    ) -> Self {
        State { inbox, clock, guard, stopped, disk: Arc::new(disk::Disk::new(data_dirs)) }
    }
}

/// Serves a broker's pages until it has stopped.
pub async fn serve(listener: TcpListener, state: State) -> io::Result<()> {
    let (guard, stopped) = (state.guard.clone(), state.stopped.clone());
    let pages = Router::new()
        .route("/api/cluster", get(api::cluster))
        .route("/api/events", get(api::events))
        .route("/api/disk", get(disk::disk))
        .route("/api/disk/bytes", get(disk::bytes))
        .route("/metrics", get(metrics::metrics))
        .route("/healthz", get(api::healthz))
        .route("/api/control/slow-disk", post(control::slow_disk))
        .with_state(state);
    serve_pages(listener, pages, guard, stopped).await
}

/// Serves these pages, and the embedded files beside them, to those who may ask.
pub async fn serve_pages(
    listener: TcpListener,
    pages: Router,
    guard: Arc<Guard>,
    mut stopped: watch::Receiver<bool>,
) -> io::Result<()> {
    let pages = pages.fallback(assets::page).layer(middleware::from_fn_with_state(guard, guard::guard));
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
