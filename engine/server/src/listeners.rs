//! Where a node listens and what others are told to dial: Kafka's `listeners`, `advertised.listeners` and
//! `controller.listener.names`.
//!
//! All listeners lead to the same engine, and each answers everything; the second name only exists because Kafka's
//! configurations have it. Encrypted listeners are not there, and are refused in words.

use crate::{failure::Failure, settings::HostPort};
use std::collections::BTreeMap;

/// What Kafka calls protocols that are not there.
const ENCRYPTED: [&str; 3] = ["SSL", "SASL_SSL", "SASL_PLAINTEXT"];

/// Where a node listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listeners {
    /// For clients and brokers. A node that is only a controller has its controllers' listener here.
    pub main: HostPort,
    /// All others.
    pub others: Vec<HostPort>,
    /// What others are told to dial, where that differs from `main`.
    pub advertised: Option<HostPort>,
}

impl Listeners {
    /// Reads the keys. `flag` is the command line's address for clients; it wins.
    pub fn read(properties: &BTreeMap<String, String>, flag: Option<&HostPort>) -> Result<Listeners, Failure> {
        let names = ControllerNames::read(properties);
        let (mut clients, mut controllers) = names.split(entries(properties, "listeners")?);
        if clients.is_empty() {
            clients.append(&mut controllers);
        }
        let mut all = clients.into_iter().chain(controllers).map(bind_address);
        let first = all.next();
        let default = HostPort { host: "127.0.0.1".into(), port: 9092 };
        let main = flag.cloned().or(first).unwrap_or(default);
        let (clients, _) = names.split(entries(properties, "advertised.listeners")?);
        Ok(Listeners { main, others: all.collect(), advertised: clients.into_iter().next() })
    }

    /// Whether a node that others know by this port could be this one.
    pub fn has_port(&self, port: u16) -> bool {
        self.main.port == port || self.others.iter().any(|other| other.port == port)
    }
}

/// `controller.listener.names`.
struct ControllerNames<'a>(Vec<&'a str>);

impl<'a> ControllerNames<'a> {
    fn read(properties: &'a BTreeMap<String, String>) -> Self {
        let names = properties.get("controller.listener.names").map_or("CONTROLLER", String::as_str);
        ControllerNames(names.split(',').map(str::trim).collect())
    }

    /// The addresses for clients, and those for controllers.
    fn split(&self, entries: Vec<(String, HostPort)>) -> (Vec<HostPort>, Vec<HostPort>) {
        let (controllers, clients): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|(name, _)| self.0.contains(&name.as_str()));
        let addresses = |entries: Vec<(String, HostPort)>| entries.into_iter().map(|(_, address)| address).collect();
        (addresses(clients), addresses(controllers))
    }
}

/// A list like `PLAINTEXT://:9092,CONTROLLER://:9093`, taken apart.
fn entries(properties: &BTreeMap<String, String>, key: &str) -> Result<Vec<(String, HostPort)>, Failure> {
    let Some(list) = properties.get(key) else { return Ok(Vec::new()) };
    let protocols = properties.get("listener.security.protocol.map").map_or("", String::as_str);
    let bad = || Failure::usage(format!("{key}={list}: write it as PLAINTEXT://HOST:PORT"));
    let mut found = Vec::new();
    for entry in list.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let (name, address) = entry.split_once("://").ok_or_else(bad)?;
        let mapped = protocols.split(',').filter_map(|pair| pair.trim().split_once(':'));
        let protocol = mapped.filter(|(listener, _)| *listener == name).map(|(_, protocol)| protocol).next();
        let protocol = protocol.unwrap_or(name);
        if ENCRYPTED.contains(&protocol) {
            return Err(Failure::usage(format!("{key}={list}: only PLAINTEXT listeners are there; {protocol} is not")));
        }
        found.push((name.to_owned(), HostPort::parse(address).ok_or_else(bad)?));
    }
    Ok(found)
}

/// Kafka reads an empty host in `listeners` as "all addresses".
fn bind_address(listener: HostPort) -> HostPort {
    match listener.host.is_empty() {
        true => HostPort { host: "0.0.0.0".into(), ..listener },
        false => listener,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::properties::parse;

    fn read(text: &str) -> Result<Listeners, Failure> {
        Listeners::read(&parse(text), None)
    }

    fn address(text: &str) -> HostPort {
        HostPort::parse(text).unwrap()
    }

    #[test]
    fn nothing_said_is_this_machine_only() {
        let listeners = read("").unwrap();
        assert_eq!(listeners.main, address("127.0.0.1:9092"));
        assert!(listeners.others.is_empty() && listeners.advertised.is_none());
    }

    #[test]
    fn all_listeners_are_bound_and_the_first_for_clients_is_advertised() {
        let listeners =
            read("listeners=CONTROLLER://:9093, PLAINTEXT://:9092\nadvertised.listeners=PLAINTEXT://kafka:1");
        let listeners = listeners.unwrap();
        assert_eq!(listeners.main, address("0.0.0.0:9092"));
        assert_eq!(listeners.others, [address("0.0.0.0:9093")]);
        assert_eq!(listeners.advertised, Some(address("kafka:1")));
        assert!(listeners.has_port(9093) && !listeners.has_port(1));
    }

    #[test]
    fn names_of_controllers_are_as_configured() {
        let text = "listeners=QUORUM://h:1,INSIDE://h:2\ncontroller.listener.names=QUORUM";
        let listeners = read(text).unwrap();
        assert_eq!((listeners.main, listeners.others), (address("h:2"), vec![address("h:1")]));
    }

    #[test]
    fn a_controller_alone_has_one_listener() {
        let listeners = read("listeners=CONTROLLER://127.0.0.1:9093").unwrap();
        assert_eq!((listeners.main, listeners.others), (address("127.0.0.1:9093"), vec![]));
    }

    #[test]
    fn the_flag_replaces_the_address_for_clients() {
        let flag = address("127.0.0.1:0");
        let properties = parse("listeners=PLAINTEXT://:9092,CONTROLLER://:9093");
        let listeners = Listeners::read(&properties, Some(&flag)).unwrap();
        assert_eq!((listeners.main, listeners.others), (flag, vec![address("0.0.0.0:9093")]));
    }

    #[test]
    fn encrypted_listeners_are_refused_in_words() {
        for text in ["listeners=SSL://:9093", "listeners=IN://:1\nlistener.security.protocol.map=IN:SASL_SSL"] {
            let failure = read(text).unwrap_err().to_string();
            assert!(failure.contains("only PLAINTEXT"), "{failure}");
        }
        assert!(read("listeners=:9092").unwrap_err().to_string().contains("PLAINTEXT://HOST:PORT"));
    }
}
