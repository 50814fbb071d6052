//! The cluster's HTTP: the live page with the picture of all brokers, how their processes are, and what can be done to them.
//!
//! `GET /api/cluster`, `GET /api/events`: as a broker's own, of all. `GET /api/nodes`: processes and links.
//! `POST /api/control/{kill,stop,restart,pause,resume,slow-disk,partition,delay,heal}`, for whoever has the token, with
//! `{"brokers": [1], "others": [2], "one_way": true, "ms": 200}`, as far as it has a meaning for it; the answer is a sentence.

use super::{
    supervisor::{Cluster, Which},
    watch,
};
use crate::http::{self, Guard};
use axum::{
    Router,
    body::Body,
    extract::{Path, State as From},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use futures_util::stream;
use std::{convert::Infallible, io, sync::Arc};
use tokio::{net::TcpListener, sync::watch as flag};

/// Serves until told to stop.
pub async fn serve(
    listener: TcpListener,
    cluster: Arc<Cluster>,
    guard: Arc<Guard>,
    stopped: flag::Receiver<bool>,
) -> io::Result<()> {
    let pages = Router::new()
        .route("/api/cluster", get(picture))
        .route("/api/events", get(events))
        .route("/api/nodes", get(nodes))
        .route("/api/control/{verb}", post(control))
        .route("/healthz", get(async || "ok\n"))
        .with_state(cluster);
    http::serve_pages(listener, pages, guard, stopped).await
}

async fn picture(From(cluster): From<Arc<Cluster>>) -> Response {
    let view = watch::picture(&cluster).await;
    let json = serde_json::to_string(&view).expect("views are plain data with string or number keys");
    ([(header::CONTENT_TYPE, "application/json")], json).into_response()
}

async fn events(From(cluster): From<Arc<Cluster>>) -> Response {
    let body = stream::unfold(watch::stream(cluster), |mut receiver| async move {
        let text = receiver.recv().await?;
        Some((Ok::<Bytes, Infallible>(text.into()), receiver))
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(body)).into_response()
}

async fn nodes(From(cluster): From<Arc<Cluster>>) -> Response {
    let json = serde_json::to_string(&cluster.report()).expect("a report is plain data");
    ([(header::CONTENT_TYPE, "application/json")], json).into_response()
}

async fn control(From(cluster): From<Arc<Cluster>>, Path(verb): Path<String>, body: String) -> Response {
    let which: Which = match serde_json::from_str(if body.trim().is_empty() { "{}" } else { &body }) {
        Ok(which) => which,
        Err(error) => return (StatusCode::BAD_REQUEST, format!("this cannot be read: {error}\n")).into_response(),
    };
    match cluster.control(&verb, &which).await {
        Ok(done) => format!("{done}\n").into_response(),
        Err(sentence) => (StatusCode::CONFLICT, format!("{sentence}\n")).into_response(),
    }
}
