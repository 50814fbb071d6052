//! What a node has to know of its cluster before it starts: its roles, the quorum's voters, how long to wait for whom.

use alloc::{format, string::String, vec::Vec};
use naru_trace::SortedMap;

/// A node's place in its cluster, with Kafka's keys and Kafka's defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterConfig {
    /// `process.roles`.
    pub roles: Roles,
    /// `controller.quorum.voters`: where each voter is reached. Empty: the node is its own quorum.
    pub voters: SortedMap<i32, Address>,
    /// `broker.rack`.
    pub rack: Option<String>,
    /// `naru.peer.addresses`: where other nodes are dialled instead of at the address that they announce. For those who put
    /// something between the nodes, to cut or to delay what they say to each other.
    pub peer_addresses: SortedMap<i32, Address>,
    /// `broker.session.timeout.ms`: a broker from which the controller hears nothing for so long is fenced.
    pub session_timeout_ms: u64,
    /// `broker.heartbeat.interval.ms`.
    pub heartbeat_interval_ms: u64,
    /// `controller.quorum.election.timeout.ms`.
    pub election_timeout_ms: u64,
    /// `controller.quorum.fetch.timeout.ms`: a voter that cannot fetch for so long wants an election.
    pub fetch_timeout_ms: u64,
    /// `controller.quorum.election.backoff.max.ms`.
    pub election_backoff_max_ms: u64,
    /// `controller.quorum.request.timeout.ms`.
    pub quorum_request_timeout_ms: u64,
    /// `controller.quorum.retry.backoff.ms`.
    pub quorum_retry_backoff_ms: u64,
    /// `request.timeout.ms` of the requests that brokers send to each other and to the controller.
    pub request_timeout_ms: u64,
    /// `auto.leader.rebalance.enable`.
    pub auto_leader_rebalance: bool,
    /// `leader.imbalance.check.interval.seconds`.
    pub leader_imbalance_check_seconds: u64,
    /// `leader.imbalance.per.broker.percentage`.
    pub leader_imbalance_percentage: u64,
    /// `controlled.shutdown.enable`.
    pub controlled_shutdown: bool,
    /// `metadata.log.max.record.bytes.between.snapshots`.
    pub snapshot_bytes: u64,
}

/// What a node is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles {
    /// It keeps records and serves clients.
    pub broker: bool,
    /// It is one of the quorum, or may become one.
    pub controller: bool,
}

/// Host and port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl Default for ClusterConfig {
    fn default() -> Self {
        ClusterConfig {
            roles: Roles { broker: true, controller: true },
            voters: SortedMap::new(),
            rack: None,
            peer_addresses: SortedMap::new(),
            session_timeout_ms: 9_000,
            heartbeat_interval_ms: 2_000,
            election_timeout_ms: 1_000,
            fetch_timeout_ms: 2_000,
            election_backoff_max_ms: 1_000,
            quorum_request_timeout_ms: 2_000,
            quorum_retry_backoff_ms: 20,
            request_timeout_ms: 30_000,
            auto_leader_rebalance: true,
            leader_imbalance_check_seconds: 300,
            leader_imbalance_percentage: 10,
            controlled_shutdown: true,
            snapshot_bytes: 20 << 20,
        }
    }
}

impl ClusterConfig {
    /// Whether the node is a cluster of its own: nobody else is needed for anything.
    pub fn is_lone(&self, node_id: i32) -> bool {
        self.roles.controller && self.voters.keys().all(|voter| *voter == node_id)
    }

    /// What cannot be, in one sentence.
    pub fn check(&self, node_id: i32) -> Result<(), String> {
        if self.roles.controller && !self.voters.is_empty() && !self.voters.contains_key(&node_id) {
            return Err(format!(
                "node.id={node_id} has the role of a controller, and controller.quorum.voters does not name it"
            ));
        }
        if !self.roles.controller && self.voters.contains_key(&node_id) {
            return Err(format!(
                "controller.quorum.voters names node.id={node_id}, which process.roles does not make a controller"
            ));
        }
        if !self.roles.controller && self.voters.is_empty() {
            return Err("a broker that is no controller needs controller.quorum.voters to find one".into());
        }
        if self.heartbeat_interval_ms >= self.session_timeout_ms {
            return Err("broker.heartbeat.interval.ms has to be less than broker.session.timeout.ms".into());
        }
        Ok(())
    }
}

/// Reads `process.roles`.
pub(super) fn roles(value: &str) -> Result<Roles, String> {
    let named: Vec<&str> = value.split(',').map(str::trim).filter(|role| !role.is_empty()).collect();
    if named.is_empty() || named.iter().any(|role| !matches!(*role, "broker" | "controller")) {
        return Err("broker, controller, or both with a comma between".into());
    }
    Ok(Roles { broker: named.contains(&"broker"), controller: named.contains(&"controller") })
}

/// Reads a list of nodes: `1@host:9093,2@host:9094`.
pub(super) fn nodes(value: &str) -> Result<SortedMap<i32, Address>, String> {
    let allowed = || String::from("a list of id@host:port");
    let mut nodes = SortedMap::new();
    for node in value.split(',').map(str::trim).filter(|node| !node.is_empty()) {
        let (id, address) = node.split_once('@').ok_or_else(allowed)?;
        let (host, port) = address.rsplit_once(':').ok_or_else(allowed)?;
        let id = id.parse().ok().filter(|id: &i32| *id >= 0).ok_or_else(allowed)?;
        let port = port.parse().map_err(|_| allowed())?;
        let host = host.trim_matches(['[', ']']);
        if host.is_empty() || nodes.insert(id, Address { host: host.into(), port }).is_some() {
            return Err(format!("{}, each id once", allowed()));
        }
    }
    Ok(nodes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn voters_are_read_and_nonsense_is_refused() {
        let voters = nodes("1@alpha:9093, 2@[::1]:9094").unwrap();
        assert_eq!(voters[&1], Address { host: "alpha".into(), port: 9093 });
        assert_eq!(voters[&2], Address { host: "::1".into(), port: 9094 });
        for wrong in ["1@alpha", "alpha:9093", "x@alpha:9093", "1@alpha:port", "1@:9093", "1@a:1,1@b:2", "-1@a:1"] {
            assert!(nodes(wrong).unwrap_err().starts_with("a list of id@host:port"), "{wrong}");
        }
    }

    #[test]
    fn what_cannot_be_is_said() {
        let config = ClusterConfig { voters: nodes("2@b:1").unwrap(), ..ClusterConfig::default() };
        assert!(config.check(1).unwrap_err().contains("does not name it"));
        assert!(config.check(2).is_ok() && config.is_lone(2));
        let broker = ClusterConfig { roles: roles("broker").unwrap(), ..ClusterConfig::default() };
        assert!(broker.check(1).unwrap_err().contains("needs controller.quorum.voters"));
        assert!(roles("zookeeper").is_err() && roles("").is_err());
    }
}
