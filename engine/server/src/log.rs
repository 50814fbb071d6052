//! What the server says on standard error: little by default. `NARU_LOG=debug` says why connections ended.

use naru_broker::ConnectionId;
use std::{fmt, sync::OnceLock};

/// Something a person should know.
pub fn warn(message: fmt::Arguments<'_>) {
    eprintln!("naru: {message}");
}

/// Something a person looking for a cause wants to know.
pub fn debug(message: fmt::Arguments<'_>) {
    static ON: OnceLock<bool> = OnceLock::new();
    if *ON.get_or_init(|| std::env::var_os("NARU_LOG").is_some_and(|level| level == "debug")) {
        eprintln!("naru: {message}");
    }
}

/// The broker closed a connection.
pub fn connection_closed(connection: ConnectionId, reason: &str) {
    debug(format_args!("connection {} closed by the broker: {reason}", connection.0));
}
