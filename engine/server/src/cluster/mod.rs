//! `naru cluster`: several brokers on one machine, one process each, and everything that can go wrong between them.
//!
//! The supervisor starts `naru serve` once for each broker ([`plan`], [`node`]), lies between them ([`links`]), listens to them
//! ([`watch`], [`merge`]) and does to them what it is told ([`supervisor`], [`api`]). It is no part of Kafka: the brokers find,
//! elect and replicate by themselves, and would do so without it. One that ends stays down until it is started again.

mod api;
mod links;
mod merge;
pub mod node;
pub mod plan;
mod ports;
pub mod supervisor;
mod watch;

use self::{
    links::Links,
    node::{Node, State},
    plan::Plan,
    supervisor::Cluster,
};
use crate::{
    cli::ClusterRunArgs,
    clock::Clock,
    commands::serve::{Signals, bind},
    failure::Failure,
    http::Guard,
};
use std::{collections::BTreeMap, io::Write, net::SocketAddr, sync::Arc, time::Duration};
use tokio::process::Command;

/// When a cluster that is not ready says what it waits for.
const READY_PATIENCE: Duration = Duration::from_secs(15);

/// Runs a cluster until a signal.
pub async fn run(args: &ClusterRunArgs) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    let (web, web_address) = bind(&args.http, "--http").await?;
    let plan = Plan::make(args)?;
    let clock = Clock::start();
    let dialled: BTreeMap<i32, SocketAddr> =
        plan.nodes.iter().map(|(id, node)| (*id, plan::dialled(node.kafka))).collect();
    let links = match args.direct {
        true => None,
        false => {
            let cannot =
                |error| Failure::new(format!("cannot lie between the brokers: {error}; --direct does without"));
            Some(Links::open(&dialled).await.map_err(cannot)?)
        }
    };
    let nodes = nodes(&plan, links.as_ref(), clock)?;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let guard = Guard::new((web_address, &args.http.host), Some(plan.token.clone()));
    let cluster = Cluster::new(&plan, nodes, links, clock, stopped.clone());
    let pages = tokio::spawn(api::serve(web, cluster.clone(), guard, stopped));
    plan.publish(web_address)?;
    let started = tokio::select! {
        started = start(&cluster) => started.map(|()| say_ready(&cluster, web_address)),
        () = signals.next() => {
            stop_all(&cluster, &stop).await;
            return Ok(());
        }
    };
    if started.is_ok() {
        signals.next().await;
    }
    stop_all(&cluster, &stop).await;
    pages.abort();
    started
}

fn nodes(plan: &Plan, links: Option<&Links>, clock: Clock) -> Result<BTreeMap<i32, Arc<Node>>, Failure> {
    let program =
        std::env::current_exe().map_err(|error| Failure::new(format!("cannot find this program itself: {error}")))?;
    let node = |(id, planned): (&i32, &plan::PlannedNode)| {
        let peers: Vec<_> = links.iter().flat_map(|links| links.addresses_of(*id)).collect();
        let arguments = plan.arguments(*id, peers.into_iter(), clock.origin());
        let program = program.clone();
        let command = move || {
            let mut command = Command::new(&program);
            command.args(&arguments);
            command
        };
        (*id, Arc::new(Node::new(*id, (plan::dialled(planned.kafka), planned.http), command)))
    };
    Ok(plan.nodes.iter().map(node).collect())
}

/// Starts all, and waits until each serves clients.
async fn start(cluster: &Cluster) -> Result<(), Failure> {
    cluster.start().await.map_err(Failure::new)?;
    for node in cluster.nodes() {
        let mut state = node.settled(READY_PATIENCE).await;
        if state == State::Starting {
            crate::log::warn(format_args!("broker {} is not ready yet; still waiting", node.id));
            state = node.settled(Duration::MAX).await;
        }
        if !state.is_alive() {
            return Err(Failure::new(format!("broker {} did not start; the reason is above", node.id)));
        }
    }
    Ok(())
}

async fn stop_all(cluster: &Cluster, stop: &tokio::sync::watch::Sender<bool>) {
    cluster.stop().await;
    let _ = stop.send(true);
}

/// The line that scripts wait for.
fn say_ready(cluster: &Cluster, web: SocketAddr) {
    let mut out = std::io::stdout().lock();
    // Nobody reading standard output is no reason to stop.
    let _ = writeln!(out, "ready kafka={} http={web}", cluster.bootstrap());
    let _ = out.flush();
}
