//! Whether what a configuration says of the node's cluster can be true: every mistake is one sentence that names the key.

use crate::{failure::Failure, listeners::Listeners, log, settings::HostPort};
use naru_broker::BrokerConfig;
use std::collections::BTreeMap;

/// Characters of an id as Kafka writes it.
const ID_LENGTH: usize = 22;

/// Refuses what cannot be; warns of what is strange.
pub fn check(
    broker: &BrokerConfig,
    listeners: &Listeners,
    properties: &BTreeMap<String, String>,
) -> Result<(), Failure> {
    let cluster = &broker.cluster;
    let in_cluster = !cluster.voters.is_empty() || !cluster.roles.controller || !cluster.roles.broker;
    if in_cluster && !properties.contains_key("node.id") && !properties.contains_key("broker.id") {
        return Err(Failure::usage("a node of a cluster needs a node.id, another one than all other nodes have"));
    }
    if let Some((voter, _)) = cluster.voters.iter().find(|(_, address)| address.port == 0) {
        return Err(Failure::usage(format!(
            "controller.quorum.voters gives node {voter} port 0, which is any port; name the one that it listens on"
        )));
    }
    cluster.check(broker.node_id).map_err(Failure::usage)?;
    if cluster.voters.is_empty() {
        check_bootstrap_servers(listeners, properties)?;
    }
    let own = cluster.voters.get(&broker.node_id);
    if let Some(own) = own.filter(|own| !listeners.has_port(own.port) && !listeners.has_port(0)) {
        log::warn(format_args!(
            "controller.quorum.voters says that node {} listens on port {}, and no listener here does",
            broker.node_id, own.port
        ));
    }
    Ok(())
}

/// A node without voters is its own quorum. If it was told to look for one elsewhere, that would be a second cluster, made in
/// silence.
fn check_bootstrap_servers(listeners: &Listeners, properties: &BTreeMap<String, String>) -> Result<(), Failure> {
    let Some(servers) = properties.get("controller.quorum.bootstrap.servers") else { return Ok(()) };
    let is_here = |server: &str| HostPort::parse(server.trim()).is_some_and(|server| listeners.has_port(server.port));
    match servers.split(',').all(is_here) {
        true => Ok(()),
        false => Err(Failure::usage(format!(
            "controller.quorum.bootstrap.servers={servers} names another node, and a quorum is found by its voters here; \
             name them all in controller.quorum.voters=ID@HOST:PORT,..."
        ))),
    }
}

/// Takes a cluster's id as Kafka writes it.
pub fn cluster_id(text: &str) -> Result<String, Failure> {
    let is_id = text.len() == ID_LENGTH && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    match is_id {
        true => Ok(text.to_owned()),
        false => Err(Failure::usage(format!(
            "{text:?} is not a cluster's id: that is {ID_LENGTH} characters of A-Z, a-z, 0-9, - and _, as \
             `kafka-storage.sh random-uuid` prints them"
        ))),
    }
}

/// A node of several needs to be told which cluster its new, empty directory is for: a guess would found another one.
pub fn check_new_directory(broker: &BrokerConfig, is_new: bool) -> Result<(), Failure> {
    if is_new && broker.cluster_id.is_empty() && !broker.cluster.is_lone(broker.node_id) {
        return Err(Failure::usage(
            "the data directory is new, and the node belongs to a cluster: say which with --cluster-id, the same for all \
             of its nodes (`naru cluster` does that by itself)",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::properties::parse;

    fn checked(text: &str) -> Result<BrokerConfig, String> {
        let properties = parse(text);
        let broker = BrokerConfig::from_properties(&properties.clone().into_iter().collect())
            .map_err(|error| error.to_string())?;
        let listeners = Listeners::read(&properties, None).map_err(|failure| failure.to_string())?;
        check(&broker, &listeners, &properties).map_err(|failure| failure.to_string())?;
        Ok(broker)
    }

    #[test]
    fn a_whole_configuration_of_a_cluster_is_read() {
        let broker = checked(
            "process.roles=broker,controller\nnode.id=2\ncontroller.quorum.voters=1@a:9093,2@b:9093\n\
             listeners=PLAINTEXT://:9092,CONTROLLER://:9093\nbroker.rack=north\ncontroller.listener.names=CONTROLLER",
        );
        let broker = broker.unwrap();
        assert_eq!(broker.cluster.rack.as_deref(), Some("north"));
        assert_eq!(broker.cluster.voters.len(), 2);
        assert!(checked("process.roles=controller\nnode.id=1\nlisteners=CONTROLLER://:9093").is_ok());
    }

    #[test]
    fn what_cannot_be_is_one_sentence() {
        let cases = [
            ("controller.quorum.voters=1@a:1,2@b:1", "needs a node.id"),
            ("node.id=3\ncontroller.quorum.voters=1@a:1,2@b:1", "does not name it"),
            ("node.id=1\ncontroller.quorum.voters=1@a,2@b", "id@host:port"),
            ("node.id=1\ncontroller.quorum.voters=1@a:0,2@b:1", "gives node 1 port 0"),
            ("node.id=1\nprocess.roles=zookeeper", "process.roles=zookeeper"),
            ("node.id=1\nprocess.roles=broker", "controller.quorum.voters"),
            ("node.id=1\ncontroller.quorum.bootstrap.servers=b:9093", "names another node"),
        ];
        for (text, part) in cases {
            let sentence = checked(text).unwrap_err();
            assert!(sentence.contains(part), "{text}: {sentence}");
            assert_eq!(sentence.lines().count(), 1, "{sentence}");
        }
    }

    #[test]
    fn kafkas_own_configuration_of_a_lone_node_is_fine() {
        let text = "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.bootstrap.servers=localhost:9093\n\
                    listeners=PLAINTEXT://:9092,CONTROLLER://:9093\nadvertised.listeners=PLAINTEXT://localhost:9092,\
                    CONTROLLER://localhost:9093";
        assert!(checked(text).is_ok());
    }

    #[test]
    fn ids_of_clusters() {
        assert_eq!(cluster_id("ICeEhVA4Qd2m9yQ1xTQ2Yw").unwrap(), "ICeEhVA4Qd2m9yQ1xTQ2Yw");
        assert!(cluster_id("mine").unwrap_err().to_string().contains("is not a cluster's id"));
    }
}
