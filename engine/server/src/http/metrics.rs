//! `GET /metrics`: counters in Prometheus' text format.

use super::{State, api};
use crate::engine::inbox::{Gone, Message, Report};
use axum::{extract::State as From, http::header, response::IntoResponse, response::Response};
use std::{collections::BTreeMap, fmt::Write as _};

/// Everything that is counted, as it is now.
pub async fn metrics(From(state): From<State>) -> Response {
    let uptime = state.clock.millis();
    match state.inbox.ask(|answer| Message::Report { answer }).await {
        Ok(report) => {
            let content_type = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
            (content_type, text(&report, uptime)).into_response()
        }
        Err(Gone) => api::stopping(),
    }
}

fn text(report: &Report, uptime_ms: u64) -> String {
    let broker = &report.broker;
    let mut page = Page(String::new());
    page.labelled("naru_requests_total", "Requests handled, by API.", "api", &broker.requests);
    page.labelled("naru_errors_total", "Responses with an error, by Kafka's name for it.", "error", &broker.errors);
    let counters = [
        ("naru_bytes_in_total", "Bytes of requests received.", broker.bytes_in),
        ("naru_bytes_out_total", "Bytes of responses sent.", broker.bytes_out),
        ("naru_batches_appended_total", "Record batches appended.", broker.batches_appended),
        ("naru_records_appended_total", "Records appended.", broker.records_appended),
        ("naru_log_bytes_appended_total", "Bytes of record batches appended.", broker.log_bytes_appended),
        ("naru_log_bytes_read_total", "Bytes of record batches read for consumers.", broker.log_bytes_read),
        ("naru_turns_total", "Turns of the broker's thread.", report.turns),
        ("naru_responses_dropped_total", "Responses dropped because a write to disk failed.", report.sends_dropped),
    ];
    for (name, help, value) in counters {
        page.single("counter", name, help, value);
    }
    let gauges = [
        ("naru_connections", "Connections that are open.", broker.connections),
        ("naru_parked_replies", "Replies that wait.", broker.parked),
        ("naru_fetch_sessions", "Fetch sessions that are open.", broker.fetch_sessions),
        ("naru_topics", "Topics.", broker.topics),
        ("naru_partitions", "Partitions.", broker.partitions),
        ("naru_partitions_offline", "Partitions whose storage failed.", broker.partitions_offline),
        ("naru_log_bytes", "Bytes of all logs.", broker.log_bytes),
    ];
    for (name, help, value) in gauges {
        page.single("gauge", name, help, value);
    }
    let busy = report.busy.as_secs_f64();
    page.single("counter", "naru_turn_seconds_total", "Time the broker's thread worked.", busy);
    page.single("gauge", "naru_turn_seconds_max", "Its longest turn.", report.turn_max.as_secs_f64());
    page.single("gauge", "naru_uptime_seconds", "Time since the start.", uptime_ms as f64 / 1_000.0);
    if let Some(bytes) = resident_bytes() {
        page.single("gauge", "process_resident_memory_bytes", "Memory in use.", bytes);
    }
    page.0
}

struct Page(String);

impl Page {
    fn head(&mut self, kind: &str, name: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn single(&mut self, kind: &str, name: &str, help: &str, value: impl std::fmt::Display) {
        self.head(kind, name, help);
        let _ = writeln!(self.0, "{name} {value}");
    }

    fn labelled(&mut self, name: &str, help: &str, label: &str, values: &BTreeMap<&'static str, u64>) {
        self.head("counter", name, help);
        for (key, value) in values {
            let _ = writeln!(self.0, "{name}{{{label}=\"{key}\"}} {value}");
        }
    }
}

/// The process's resident memory, where the system tells it the Linux way.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kibibytes * 1024)
}
