//! What a cluster is made of: its nodes with their ports and directories, its voters, its id, and each node's command line.
//!
//! Which nodes vote is decided once, when the cluster is made, and kept in its data directory (`cluster.json`): a quorum that is
//! larger at the next start could be a majority of nodes that know nothing.

use super::ports;
use crate::{cli::ClusterRunArgs, driver, failure::Failure, settings::HostPort};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::Write,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Nodes that vote, at most.
const VOTERS_MAX: usize = 3;
/// More brokers than this are not for one machine.
pub const BROKERS_MAX: u16 = 64;
/// What is known of a cluster's data directory.
const CLUSTER_FILE: &str = "cluster.json";
/// Who knows what is in it may control the cluster.
const TOKEN_FILE: &str = "control-token";
/// Where its supervisor listens.
const ADDRESS_FILE: &str = "control-address";
const BASE64_URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// What `naru cluster` sets unless it is told otherwise: a cluster on one machine that notices quickly what is gone.
pub const QUICK: &[(&str, &str)] = &[
    ("broker.heartbeat.interval.ms", "100"),
    ("broker.session.timeout.ms", "500"),
    ("controller.quorum.election.timeout.ms", "250"),
    ("controller.quorum.election.backoff.max.ms", "150"),
    ("controller.quorum.fetch.timeout.ms", "500"),
    ("controller.quorum.request.timeout.ms", "400"),
    ("replica.lag.time.max.ms", "1500"),
    ("socket.connection.setup.timeout.ms", "1000"),
];

/// What is kept of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    cluster_id: String,
    brokers: u16,
    voters: Vec<i32>,
}

/// One node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedNode {
    /// Where clients dial it.
    pub kafka: SocketAddr,
    /// Where its own page is.
    pub http: SocketAddr,
}

/// A cluster that is about to be started.
pub struct Plan {
    /// The nodes by `node.id`.
    pub nodes: BTreeMap<i32, PlannedNode>,
    /// What one has to know to control it.
    pub token: String,
    data_dir: PathBuf,
    kept: Kept,
    racks: Vec<String>,
    config: Option<PathBuf>,
    set: Vec<String>,
    _lock: File,
}

impl Plan {
    /// Reads or makes the data directory, and chooses ports.
    pub fn make(args: &ClusterRunArgs) -> Result<Plan, Failure> {
        let data_dir = &args.data_dir;
        fs::create_dir_all(data_dir).map_err(|error| {
            Failure::new(format!("cannot create {}: {error}; name another with --data-dir", data_dir.display()))
        })?;
        let data_dir = data_dir
            .canonicalize()
            .map_err(|error| Failure::new(format!("cannot use {}: {error}", data_dir.display())))?;
        let lock = lock(&data_dir)?;
        let kept = keep(&data_dir, args.brokers)?;
        let nodes = place(args)?;
        let token = id();
        write_secret(&data_dir.join(TOKEN_FILE), &token)?;
        let (racks, config, set) = (args.racks.clone(), args.config.clone(), args.set.clone());
        Ok(Plan { nodes, token, data_dir, kept, racks, config, set, _lock: lock })
    }

    /// Says where the supervisor listens, for `naru cluster kill` and the like.
    pub fn publish(&self, address: SocketAddr) -> Result<(), Failure> {
        write_secret(&self.data_dir.join(ADDRESS_FILE), &address.to_string())
    }

    /// The cluster's id.
    pub fn cluster_id(&self) -> &str {
        &self.kept.cluster_id
    }

    /// The arguments of `naru` for a node that dials the others at `peers`.
    pub fn arguments(&self, id: i32, peers: impl Iterator<Item = (i32, SocketAddr)>, origin: u64) -> Vec<String> {
        let node = &self.nodes[&id];
        let is_voter = self.kept.voters.contains(&id);
        let voters = self.kept.voters.iter().map(|voter| format!("{voter}@{}", dialled(self.nodes[voter].kafka)));
        let peers: Vec<String> = peers.map(|(peer, address)| format!("{peer}@{address}")).collect();
        let copies = self.nodes.len().min(3);
        let mut settings = vec![
            format!("default.replication.factor={copies}"),
            format!("min.insync.replicas={}", copies.div_ceil(2)),
            format!("offsets.topic.replication.factor={copies}"),
            format!("transaction.state.log.replication.factor={copies}"),
            format!("transaction.state.log.min.isr={}", copies.div_ceil(2)),
            format!("process.roles={}", if is_voter { "broker,controller" } else { "broker" }),
            format!("controller.quorum.voters={}", voters.collect::<Vec<_>>().join(",")),
        ];
        settings.extend(QUICK.iter().map(|(key, value)| format!("{key}={value}")));
        if !peers.is_empty() {
            settings.push(format!("naru.peer.addresses={}", peers.join(",")));
        }
        if !self.racks.is_empty() {
            settings.push(format!("broker.rack={}", self.racks[(id as usize - 1) % self.racks.len()]));
        }
        // What the user says comes last, and wins; but not over who a node is.
        settings.extend(self.set.iter().cloned());
        settings.push(format!("node.id={id}"));
        let mut arguments: Vec<String> = vec!["serve".into(), "--until-stdin-ends".into()];
        let mut flag = |name: &str, value: String| arguments.extend([name.to_owned(), value]);
        flag("--data-dir", self.data_dir.join(format!("broker-{id}")).display().to_string());
        flag("--listen", node.kafka.to_string());
        flag("--http", node.http.to_string());
        flag("--cluster-id", self.kept.cluster_id.clone());
        flag("--control-token", self.data_dir.join(TOKEN_FILE).display().to_string());
        flag("--clock-origin", origin.to_string());
        if let Some(config) = &self.config {
            flag("--config", config.display().to_string());
        }
        settings.into_iter().for_each(|setting| flag("--set", setting));
        arguments
    }
}

/// Where the supervisor of a data directory listens, and what it wants to be told.
pub fn control(data_dir: &Path) -> Result<(SocketAddr, String), Failure> {
    let read = |name: &str| fs::read_to_string(data_dir.join(name)).map(|text| text.trim().to_owned());
    let nobody = || {
        Failure::new(format!(
            "no cluster runs in {}; start one with `naru cluster --brokers 3`, or name its directory with --data-dir",
            data_dir.display()
        ))
    };
    let address = read(ADDRESS_FILE).ok().and_then(|address| address.parse().ok()).ok_or_else(nobody)?;
    Ok((address, read(TOKEN_FILE).map_err(|_| nobody())?))
}

/// Where others on this machine dial a listener.
pub fn dialled(listener: SocketAddr) -> SocketAddr {
    match listener.ip().is_unspecified() {
        true => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), listener.port()),
        false => listener,
    }
}

fn lock(data_dir: &Path) -> Result<File, Failure> {
    let shown = data_dir.display();
    let cannot = |error: std::io::Error| Failure::new(format!("cannot lock {shown}: {error}"));
    let path = data_dir.join(".lock");
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(cannot)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(Failure::new(format!(
            "a cluster runs in {shown} already; stop that one, or name another directory with --data-dir"
        ))),
        Err(error) => Err(cannot(error.into())),
    }
}

/// What is known of the cluster in this directory, or what will be.
fn keep(data_dir: &Path, brokers: u16) -> Result<Kept, Failure> {
    let path = data_dir.join(CLUSTER_FILE);
    let shown = path.display();
    let kept = match fs::read_to_string(&path) {
        Ok(text) => {
            let kept: Kept = serde_json::from_str(&text)
                .map_err(|error| Failure::new(format!("{shown} cannot be read: {error}; nothing was changed")))?;
            if brokers < kept.brokers {
                return Err(Failure::usage(format!(
                    "the cluster in {} has {} brokers, and records may lie on any of them; start at least as many, or \
                     name another directory with --data-dir",
                    data_dir.display(),
                    kept.brokers
                )));
            }
            Kept { brokers, ..kept }
        }
        Err(_) => {
            let voters = (1..=i32::from(brokers)).take(VOTERS_MAX);
            // Of two voters one is not enough: the second would only be one more that can fail.
            let voters = if brokers == 2 { vec![1] } else { voters.collect() };
            Kept { cluster_id: id(), brokers, voters }
        }
    };
    let text = serde_json::to_string(&kept).expect("names and numbers are plain data");
    let written =
        fs::write(path.with_extension("new"), text).and_then(|()| fs::rename(path.with_extension("new"), &path));
    written.map_err(|error| Failure::new(format!("cannot write {shown}: {error}")))?;
    Ok(kept)
}

/// Ports for all: counted up from the one that was asked for, or any that are free.
fn place(args: &ClusterRunArgs) -> Result<BTreeMap<i32, PlannedNode>, Failure> {
    let count = usize::from(args.brokers);
    let HostPort { host, port } = &args.listen;
    let ip: IpAddr = match host.as_str() {
        "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        host => host.parse().map_err(|_| {
            Failure::usage(format!(
                "--listen {}: name an address of this machine, for example 127.0.0.1:9092",
                args.listen
            ))
        })?,
    };
    let wanted = if *port == 0 { 2 * count } else { count };
    let free = ports::free(&ip.to_string(), wanted, driver::seed())
        .ok_or_else(|| Failure::new(format!("there are no {wanted} free ports on {ip}")))?;
    let mut kafka: Vec<u16> = free[count..].to_vec();
    if *port != 0 {
        kafka = (0..args.brokers).filter_map(|index| port.checked_add(index)).collect();
        if kafka.len() < count {
            return Err(Failure::usage(format!("--listen {}: there are no {count} ports from there on", args.listen)));
        }
    }
    let node = |index: usize| PlannedNode {
        kafka: SocketAddr::new(ip, kafka[index]),
        http: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), free[index]),
    };
    Ok((0..count).map(|index| (index as i32 + 1, node(index))).collect())
}

/// An id by chance, 128 bits of it, as Kafka writes them: 22 characters, never one that looks like a flag.
fn id() -> String {
    let bits = u128::from(driver::seed()) << 64 | u128::from(driver::seed());
    let sextet = |index: u32| if index < 21 { bits >> (122 - 6 * index) } else { bits << 4 };
    let text: String = (0..22).map(|index| char::from(BASE64_URL[(sextet(index) & 0x3f) as usize])).collect();
    if text.starts_with('-') { id() } else { text }
}

/// Writes a file that only its owner may read.
fn write_secret(path: &Path, text: &str) -> Result<(), Failure> {
    let cannot = |error: std::io::Error| Failure::new(format!("cannot write {}: {error}", path.display()));
    // Made anew: an old one could be anybody's to read.
    let _ = fs::remove_file(path);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(cannot)?;
    writeln!(file, "{text}").map_err(cannot)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::tempdir;

    fn args(data_dir: &Path, brokers: u16) -> ClusterRunArgs {
        ClusterRunArgs {
            brokers,
            data_dir: data_dir.to_owned(),
            listen: HostPort { host: "127.0.0.1".into(), port: 0 },
            http: HostPort { host: "127.0.0.1".into(), port: 0 },
            config: None,
            set: vec!["num.partitions=4".into()],
            racks: vec!["north".into(), "south".into()],
            direct: false,
        }
    }

    #[test]
    fn a_cluster_keeps_its_id_and_its_voters() {
        let dir = tempdir().unwrap();
        let plan = Plan::make(&args(dir.path(), 3)).unwrap();
        let (id, token) = (plan.cluster_id().to_owned(), plan.token.clone());
        let busy = Plan::make(&args(dir.path(), 3)).err().unwrap();
        assert!(busy.to_string().contains("runs in"), "{busy}");
        drop(plan);
        let larger = Plan::make(&args(dir.path(), 5)).unwrap();
        assert_eq!((larger.cluster_id(), &larger.kept.voters), (id.as_str(), &vec![1, 2, 3]));
        assert_ne!(larger.token, token, "each run has its own");
        drop(larger);
        let smaller = Plan::make(&args(dir.path(), 3)).err().unwrap();
        assert!(smaller.to_string().contains("has 5 brokers"), "{smaller}");
    }

    #[test]
    fn secrets_are_their_owners() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempdir().unwrap();
        let plan = Plan::make(&args(dir.path(), 1)).unwrap();
        plan.publish("127.0.0.1:80".parse().unwrap()).unwrap();
        let mode = |name: &str| fs::metadata(dir.path().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(TOKEN_FILE), mode(ADDRESS_FILE)), (0o600, 0o600));
        assert_eq!(control(dir.path()).unwrap(), ("127.0.0.1:80".parse().unwrap(), plan.token.clone()));
    }

    #[test]
    fn a_node_is_told_its_place_and_the_users_word_comes_after_ours() {
        let dir = tempdir().unwrap();
        let plan = Plan::make(&args(dir.path(), 4)).unwrap();
        let peers = [(1, "127.0.0.1:7".parse().unwrap())];
        let arguments = plan.arguments(4, peers.into_iter(), 9);
        let place = |text: &str| arguments.iter().position(|argument| argument == text);
        assert!(place("process.roles=broker").is_some(), "the fourth has no vote: {arguments:?}");
        assert!(place("naru.peer.addresses=1@127.0.0.1:7").is_some());
        assert!(place("broker.rack=south").is_some());
        assert!(place("num.partitions=4").unwrap() > place("min.insync.replicas=2").unwrap());
        assert!(place("num.partitions=4").unwrap() < place("node.id=4").unwrap());
        let ports: std::collections::BTreeSet<u16> =
            plan.nodes.values().flat_map(|node| [node.kafka.port(), node.http.port()]).collect();
        assert_eq!(ports.len(), 8, "no port twice");
    }
}
