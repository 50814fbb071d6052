//! What can be changed about a broker over HTTP, by whoever has the token: how slow its disk is.
//!
//! `POST /api/control/slow-disk` with `{"ms": 200}`: from now on, each write and each sync takes so much longer; 0 ends it.

use super::{State, api};
use crate::engine::inbox::Message;
use axum::{
    extract::State as From,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use std::time::Duration;

/// A disk that is slower than this is a broken one.
pub const DELAY_MS_MAX: u64 = 10_000;

#[derive(Debug, Deserialize)]
struct SlowDisk {
    ms: u64,
}

/// `POST /api/control/slow-disk`.
pub async fn slow_disk(From(state): From<State>, body: String) -> Response {
    match serde_json::from_str(&body) {
        Ok(SlowDisk { ms }) if ms <= DELAY_MS_MAX => {
            match state.inbox.tell(Message::SlowDisk { delay: Duration::from_millis(ms) }) {
                Ok(()) => "ok\n".into_response(),
                Err(_) => api::stopping(),
            }
        }
        _ => (StatusCode::BAD_REQUEST, "Send {\"ms\": N}, N from 0 to 10000.\n").into_response(),
    }
}
