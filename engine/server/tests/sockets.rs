//! What strangers may do to the Kafka port, and what they may not do to others.

mod common;

use common::{Connection, Naru, api_versions_request, fetch_request, produce_request, values};
use naru_wire::{ApiKey, Response};
use std::{
    io::Write,
    time::{Duration, Instant},
};
use tempfile::tempdir;

/// A stranger connects and misbehaves; meanwhile and afterwards somebody else is served, with everything where it was.
fn nobody_else_is_disturbed(arguments: &[&str], misbehave: impl FnOnce(&Naru)) {
    let dir = tempdir().unwrap();
    let naru = Naru::start_with(dir.path(), arguments);
    let mut neighbour = naru.connect();
    neighbour.create_topic("quiet", 1);
    assert_eq!(neighbour.produce("quiet", &["before"]), 0);
    misbehave(&naru);
    assert_eq!(neighbour.produce("quiet", &["after"]), 1);
    assert_eq!(neighbour.read_all("quiet"), ["before", "after"]);
    naru.connect().assert_alive();
}

#[test]
fn garbage_ends_only_its_own_connection() {
    nobody_else_is_disturbed(&[], |naru| {
        for garbage in
            [&b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..], &[0, 0, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9], &[0; 64]]
        {
            let mut stranger = naru.connect();
            stranger.stream.write_all(garbage).unwrap();
            stranger.assert_closed();
        }
    });
}

#[test]
fn an_oversized_frame_is_refused_by_its_length_alone() {
    nobody_else_is_disturbed(&["--set", "socket.request.max.bytes=100000"], |naru| {
        for length in [100_001, i32::MAX, -1, i32::MIN] {
            let mut stranger = naru.connect();
            stranger.stream.write_all(&length.to_be_bytes()).unwrap();
            stranger.assert_closed();
        }
    });
}

#[test]
fn a_promise_of_much_costs_nothing() {
    nobody_else_is_disturbed(&[], |naru| {
        let before = resident(naru);
        let strangers: Vec<Connection> = (0..50)
            .map(|_| {
                let mut stranger = naru.connect();
                stranger.stream.write_all(&(100 * 1024 * 1024_i32).to_be_bytes()).unwrap();
                stranger.stream.write_all(b"and no more").unwrap();
                stranger
            })
            .collect();
        // All of them were accepted once the last of them is answered through the same accept queue.
        naru.connect().assert_alive();
        let grown = resident(naru).saturating_sub(before);
        assert!(grown < 64 * 1024 * 1024, "50 promises of 100 MiB each cost {grown} bytes");
        drop(strangers);
    });
}

#[test]
fn a_truncated_frame_is_nothing() {
    nobody_else_is_disturbed(&[], |naru| {
        let mut stranger = naru.connect();
        stranger.stream.write_all(&[0, 0, 1, 0, 0, 18]).unwrap();
        stranger.stream.shutdown(std::net::Shutdown::Write).unwrap();
        stranger.assert_closed();
    });
}

#[test]
fn a_slow_frame_is_given_up_and_nobody_waits_for_it() {
    nobody_else_is_disturbed(&["--set", "naru.frame.timeout.ms=300"], |naru| {
        let mut stranger = naru.connect();
        stranger.stream.write_all(&[0, 0, 0, 100, 0]).unwrap();
        let started = Instant::now();
        naru.connect().assert_alive();
        assert!(started.elapsed() < Duration::from_secs(5), "nobody waited for the slow one");
        stranger.assert_closed();
    });
}

#[test]
fn an_idle_connection_is_closed() {
    let dir = tempdir().unwrap();
    let naru = Naru::start_with(dir.path(), &["--set", "connections.max.idle.ms=300"]);
    let mut idle = naru.connect();
    idle.assert_alive();
    idle.assert_closed();
    naru.connect().assert_alive();
}

#[test]
fn more_than_max_connections_wait_their_turn() {
    let dir = tempdir().unwrap();
    let naru = Naru::start_with(dir.path(), &["--set", "max.connections=2"]);
    let (mut first, mut second, mut third) = (naru.connect(), naru.connect(), naru.connect());
    first.assert_alive();
    second.assert_alive();
    let asked = third.send(api_versions_request());
    third.stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let nothing_yet = third.stream.peek(&mut [0]).unwrap_err();
    assert_eq!(nothing_yet.kind(), std::io::ErrorKind::WouldBlock);
    drop(first);
    third.stream.set_read_timeout(Some(common::PATIENCE)).unwrap();
    assert_eq!(third.receive(ApiKey::ApiVersions).0, asked);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let dir = tempdir().unwrap();
    let naru = Naru::start(dir.path());
    let mut connection = naru.connect();
    connection.create_topic("ordered", 1);
    let mut asked = Vec::new();
    for number in 0..500 {
        asked.push((ApiKey::Produce, connection.send(produce_request("ordered", &[&number.to_string()]))));
        asked.push((ApiKey::ApiVersions, connection.send(api_versions_request())));
    }
    for (api, correlation_id) in asked {
        assert_eq!(connection.receive(api).0, correlation_id);
    }
    let expected: Vec<String> = (0..500).map(|number| number.to_string()).collect();
    assert_eq!(connection.read_all("ordered"), expected);
}

#[test]
fn a_reply_that_waits_holds_back_those_behind_it() {
    let dir = tempdir().unwrap();
    let naru = Naru::start(dir.path());
    let (mut reader, mut writer) = (naru.connect(), naru.connect());
    writer.create_topic("slow", 1);
    let waiting = reader.send(fetch_request("slow", 0, 20_000));
    let behind = reader.send(api_versions_request());
    writer.produce("slow", &["at last"]);
    let (first, answer) = reader.receive(ApiKey::Fetch);
    assert_eq!(first, waiting);
    let Response::Fetch(answer) = answer else { panic!() };
    assert_eq!(values(&answer), ["at last"]);
    assert_eq!(reader.receive(ApiKey::ApiVersions).0, behind);
}

#[test]
fn a_reader_that_does_not_read_costs_only_itself() {
    nobody_else_is_disturbed(&[], |naru| {
        let mut writer = naru.connect();
        writer.create_topic("big", 1);
        let value = "x".repeat(900_000);
        for _ in 0..20 {
            writer.produce("big", &[&value]);
        }
        let mut stranger = naru.connect();
        let before = resident(naru);
        // Far more than sockets hold: the broker stops reading this connection, and this side stops being able to write.
        stranger.stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
        for _ in 0..200 {
            stranger.send(fetch_request("big", 0, 0));
        }
        writer.assert_alive();
        let grown = resident(naru).saturating_sub(before);
        assert!(grown < 32 * 1024 * 1024, "200 unread answers of 0.9 MB cost {grown} bytes");
    });
}

/// Resident memory of the broker's process, in bytes.
fn resident(naru: &Naru) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", naru.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
