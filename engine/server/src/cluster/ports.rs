//! Ports for processes that are yet to be started.
//!
//! A broker that is killed and started again needs the port that it had: clients know it. A port that the system chooses is from
//! the range that it also takes for outgoing connections, and one of those could take it in between. So ports are chosen here,
//! below that range.

use std::{fs, net::TcpListener};

/// Where ports are looked for: above the well-known ones.
const LOWEST: u16 = 10_000;
/// Linux's default first port for outgoing connections.
const EPHEMERAL_DEFAULT: u16 = 32_768;

/// So many different ports that are free on `host` now. Where to begin looking is by chance, so that two who look at the same
/// time find different ones.
pub fn free(host: &str, count: usize, chance: u64) -> Option<Vec<u16>> {
    let span = ephemeral_begin().saturating_sub(LOWEST).max(1);
    let begin = (chance % u64::from(span)) as u16;
    let candidates = (0..span).map(|step| LOWEST + (begin + step) % span);
    let free = candidates.filter(|port| TcpListener::bind((host, *port)).is_ok());
    let found: Vec<u16> = free.take(count).collect();
    (found.len() == count).then_some(found)
}

/// The first port that the system gives to outgoing connections.
fn ephemeral_begin() -> u16 {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    range.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(EPHEMERAL_DEFAULT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_free_and_different() {
        let held = free("127.0.0.1", 1, 7).unwrap()[0];
        let _holder = TcpListener::bind(("127.0.0.1", held)).unwrap();
        let ports = free("127.0.0.1", 3, u64::from(held - LOWEST)).unwrap();
        assert_eq!(ports.len(), 3);
        assert!(!ports.contains(&held) && ports[0] < ports[1] && ports[1] < ports[2], "{ports:?}");
    }
}
