//! How this server is to run: flags over `--set` over `--config` over defaults, with Kafka's key names.
//!
//! What the broker itself wants to know goes to [`naru_broker::BrokerConfig`]; here is what sockets, files and addresses
//! need.

use crate::{cli::ServeArgs, failure::Failure, listeners::Listeners, membership, net::Limits, properties};
use naru_broker::BrokerConfig;
use std::{
    collections::BTreeMap,
    fmt, fs,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

/// Keys that are understood here, whatever the broker makes of them.
const OWN_KEYS: &[&str] = &[
    "cluster.id",
    "listeners",
    "advertised.listeners",
    "log.dir",
    "log.dirs",
    "max.connections",
    "connections.max.idle.ms",
    "queued.max.requests",
    "socket.connection.setup.timeout.ms",
    FRAME_TIMEOUT_KEY,
];
/// Keys of a KRaft broker's usual configuration that are read in [`crate::listeners`] and [`membership`].
const LISTENER_KEYS: &[&str] = &[
    "controller.quorum.bootstrap.servers",
    "controller.listener.names",
    "inter.broker.listener.name",
    "listener.security.protocol.map",
];
/// Naru's own: how long a request may take to arrive once it has begun.
const FRAME_TIMEOUT_KEY: &str = "naru.frame.timeout.ms";

/// A host and a port, as people write them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    /// A name or an address, without brackets.
    pub host: String,
    /// 0: any that is free.
    pub port: u16,
}

/// How to run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the data is: one directory, or several. The first holds the cluster's metadata.
    pub data_dirs: Vec<PathBuf>,
    /// Where Kafka clients and other nodes dial.
    pub listeners: Listeners,
    /// Where browsers look.
    pub http: HostPort,
    /// What connections may do.
    pub limits: Limits,
    /// `queued.max.requests`.
    pub queued_requests_max: usize,
    /// The broker's part. Its advertised address is filled in when the port is bound.
    pub broker: BrokerConfig,
    /// What somebody has to know who wants to make the disk slow; nobody may without it.
    pub control_token: Option<String>,
    /// Whether the end of standard input asks for a graceful end, as a signal does.
    pub until_stdin_ends: bool,
    /// When the run's clock was zero, if that is not now: see [`crate::clock::Clock::since`].
    pub clock_origin: Option<u64>,
    /// Keys that nobody here knows, for a warning.
    pub unknown_keys: Vec<String>,
}

impl HostPort {
    /// `host:port` with the default's port or host where a part is left out is not guessed at: both must be there.
    pub fn parse(text: &str) -> Option<HostPort> {
        let (host, port) = text.rsplit_once(':')?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        Some(HostPort { host: host.to_owned(), port: port.parse().ok()? })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl FromStr for HostPort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        HostPort::parse(text).ok_or_else(|| "write it as HOST:PORT, for example 127.0.0.1:9092".to_owned())
    }
}

impl Settings {
    /// Everything together. The error names the key or flag.
    pub fn resolve(args: &ServeArgs) -> Result<Settings, Failure> {
        let properties = all_properties(args)?;
        let listeners = Listeners::read(&properties, args.listen.as_ref())?;
        let mut broker =
            BrokerConfig::from_properties(&properties).map_err(|error| Failure::usage(error.to_string()))?;
        membership::check(&broker, &listeners, &properties)?;
        if let Some(id) = args.cluster_id.as_ref().or(properties.get("cluster.id")) {
            broker.cluster_id = membership::cluster_id(id)?;
        }
        let unknown_keys = broker.unknown_keys.iter().filter(|key| !is_known_here(key)).cloned().collect();
        let http = args.http.clone().unwrap_or(HostPort { host: "127.0.0.1".into(), port: 8080 });
        let limits = Limits {
            request_bytes_max: broker.socket_request_max_bytes,
            connections_max: number(&properties, "max.connections", i32::MAX as u64)? as usize,
            idle_max: Duration::from_millis(number(&properties, "connections.max.idle.ms", 600_000)?),
            frame_time_max: Duration::from_millis(number(&properties, FRAME_TIMEOUT_KEY, 30_000)?),
            connect_time_max: Duration::from_millis(number(&properties, "socket.connection.setup.timeout.ms", 10_000)?),
        };
        Ok(Settings {
            data_dirs: data_dirs(args, &properties)?,
            listeners,
            http,
            limits,
            queued_requests_max: number(&properties, "queued.max.requests", 500)? as usize,
            broker,
            control_token: args.control_token.as_deref().map(control_token).transpose()?,
            until_stdin_ends: args.until_stdin_ends,
            clock_origin: args.clock_origin,
            unknown_keys,
        })
    }
}

fn control_token(path: &Path) -> Result<String, Failure> {
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("cannot read the token in {}: {error}", path.display())))?;
    Ok(text.trim().to_owned())
}

fn is_known_here(key: &str) -> bool {
    OWN_KEYS.contains(&key) || LISTENER_KEYS.contains(&key)
}

fn all_properties(args: &ServeArgs) -> Result<BTreeMap<String, String>, Failure> {
    let mut all = BTreeMap::new();
    if let Some(path) = &args.config {
        let text = fs::read_to_string(path).map_err(|error| {
            Failure::usage(format!("cannot read the configuration {}: {error}; see --config", path.display()))
        })?;
        all = properties::parse(&text);
    }
    for setting in &args.set {
        let (key, value) =
            setting.split_once('=').ok_or_else(|| Failure::usage(format!("--set {setting}: write it as KEY=VALUE")))?;
        all.insert(key.trim().to_owned(), value.trim().to_owned());
    }
    Ok(all)
}

fn number(properties: &BTreeMap<String, String>, key: &str, default: u64) -> Result<u64, Failure> {
    let Some(text) = properties.get(key) else { return Ok(default) };
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(Failure::usage(format!("{key}={text}: allowed is a whole number from 1"))),
    }
}

fn data_dirs(args: &ServeArgs, properties: &BTreeMap<String, String>) -> Result<Vec<PathBuf>, Failure> {
    if !args.data_dir.is_empty() {
        return Ok(args.data_dir.clone());
    }
    // `log.dirs` wins over `log.dir`, as with Kafka.
    for key in ["log.dirs", "log.dir"] {
        let Some(list) = properties.get(key) else { continue };
        let dirs: Vec<PathBuf> =
            list.split(',').map(str::trim).filter(|dir| !dir.is_empty()).map(PathBuf::from).collect();
        if dirs.is_empty() {
            return Err(Failure::usage(format!("{key}={list}: name at least one directory")));
        }
        return Ok(dirs);
    }
    Ok(vec![PathBuf::from("naru-data")])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(text: &str) -> BTreeMap<String, String> {
        properties::parse(text)
    }

    #[test]
    fn addresses_with_brackets_and_without() {
        assert_eq!(HostPort::parse("[::1]:9092"), Some(HostPort { host: "::1".into(), port: 9092 }));
        assert_eq!(HostPort::parse("localhost:0").unwrap().to_string(), "localhost:0");
        assert_eq!(HostPort::parse("9092"), None);
        assert_eq!(HostPort::parse("localhost:http"), None);
    }

    #[test]
    fn data_directories_come_from_the_flag_or_the_properties() {
        let dirs = |flags: &[&str], text: &str| {
            let args = ServeArgs { data_dir: flags.iter().map(PathBuf::from).collect(), ..ServeArgs::default() };
            data_dirs(&args, &properties(text)).map(|dirs| dirs.into_iter().map(|dir| dir.display().to_string()))
        };
        let dirs = |flags: &[&str], text: &str| dirs(flags, text).map(Iterator::collect::<Vec<_>>);
        assert_eq!(dirs(&[], "").unwrap(), ["naru-data"]);
        assert_eq!(dirs(&[], "log.dirs=/a, /b\nlog.dir=/c").unwrap(), ["/a", "/b"]);
        assert_eq!(dirs(&[], "log.dir=/c").unwrap(), ["/c"]);
        assert_eq!(dirs(&["/x", "/y"], "log.dirs=/a").unwrap(), ["/x", "/y"]);
        assert!(dirs(&[], "log.dirs= , ").unwrap_err().to_string().contains("name at least one"));
    }
}
