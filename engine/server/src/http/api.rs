//! The picture as JSON, once or as a stream.
//!
//! The stream is `text/event-stream`: first `event: snapshot` with a `ClusterView`, then `event: trace` with one `TraceEvent`
//! each, to be folded into it. A reader that falls behind gets another `snapshot` and goes on from there.

use super::State;
use crate::engine::{
    inbox::{Gone, Message},
    live::Subscription,
};
use axum::{
    body::Body,
    extract::State as From,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use naru_trace::TraceEvent;
use serde::Serialize;
use std::{convert::Infallible, fmt::Write as _, time::Duration};

/// How often a quiet stream says that it is alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// `GET /api/cluster`.
pub async fn cluster(From(state): From<State>) -> Response {
    match state.inbox.ask(|answer| Message::View { answer }).await {
        Ok(view) => ([(header::CONTENT_TYPE, "application/json")], json(&view)).into_response(),
        Err(Gone) => stopping(),
    }
}

/// `GET /healthz`: whether the broker's thread answers.
pub async fn healthz(From(state): From<State>) -> Response {
    let asked = state.inbox.ask(|answer| Message::Report { answer });
    match tokio::time::timeout(Duration::from_secs(5), asked).await {
        Ok(Ok(_)) => "ok\n".into_response(),
        Ok(Err(Gone)) => stopping(),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "The broker has not answered for five seconds.\n").into_response(),
    }
}

/// `GET /api/events`.
pub async fn events(From(state): From<State>) -> Response {
    let Ok(watcher) = Watcher::subscribe(state).await else { return stopping() };
    let body = stream::unfold(watcher, |mut watcher| async move {
        let text = watcher.next().await?;
        Some((Ok::<Bytes, Infallible>(text.into()), watcher))
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(body)).into_response()
}

/// The answer of a server whose broker has ended.
pub fn stopping() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, "The broker is stopping.\n").into_response()
}

/// One reader of the stream.
struct Watcher {
    state: State,
    subscription: Subscription,
    /// Whether the picture has still to be sent.
    fresh: bool,
}

impl Watcher {
    async fn subscribe(state: State) -> Result<Watcher, Gone> {
        let subscription = state.inbox.ask(|answer| Message::Subscribe { answer }).await?;
        Ok(Watcher { state, subscription, fresh: true })
    }

    /// The next piece of the stream; `None` when the broker stops.
    async fn next(&mut self) -> Option<String> {
        if std::mem::take(&mut self.fresh) {
            return Some(server_sent("snapshot", &self.subscription.snapshot));
        }
        let mut stopped = self.state.stopped.clone();
        let turn = tokio::select! {
            turn = tokio::time::timeout(KEEP_ALIVE, self.subscription.events.recv()) => turn,
            _ = stopped.wait_for(|stopped| *stopped) => return self.rest(),
        };
        match turn {
            Err(_quiet) => Some(": still here\n\n".into()),
            Ok(Some(events)) => Some(traces(&events)),
            // Too slow, or the broker stops: the answer to a new subscription tells which.
            Ok(None) => {
                self.subscription = self.state.inbox.ask(|answer| Message::Subscribe { answer }).await.ok()?;
                Some(server_sent("snapshot", &self.subscription.snapshot))
            }
        }
    }

    /// What came in before the stop.
    fn rest(&mut self) -> Option<String> {
        self.subscription.events.try_recv().ok().map(|events| traces(&events))
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.state.inbox.tell(Message::Unsubscribe { subscriber: self.subscription.subscriber });
    }
}

fn traces(events: &[TraceEvent]) -> String {
    events.iter().map(|event| server_sent("trace", event)).collect()
}

fn server_sent(name: &str, data: &impl Serialize) -> String {
    let mut text = String::new();
    // JSON holds no line break, so one `data:` line is enough.
    let _ = write!(text, "event: {name}\ndata: {}\n\n", json(data));
    text
}

fn json(data: &impl Serialize) -> String {
    serde_json::to_string(data).expect("views and events are plain data with string or number keys")
}
