//! `naru cluster`: runs a cluster, or tells one that runs what to do.

use crate::{
    cli::{ClusterArgs, ClusterCommand, ClusterRunArgs, Numbers, WhichLinks},
    cluster::{self, plan, supervisor::Which},
    driver::block_on,
    failure::Failure,
    http_client,
};
use serde::Deserialize;
use std::{io, net::SocketAddr, path::Path, process::ExitCode, time::Duration};

/// The longest that something done to a cluster takes: a broker that hands over what it leads, stops, and starts again.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs until a signal, or asks.
pub fn run(args: &ClusterArgs) -> Result<ExitCode, Failure> {
    match &args.command {
        None => run_cluster(&args.run)?,
        Some(ClusterCommand::Status { .. }) => block_on(status(args.data_dir()))?,
        Some(command) => {
            let (verb, which) = question(command);
            block_on(control(args.data_dir(), verb, &which))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn run_cluster(args: &ClusterRunArgs) -> Result<(), Failure> {
    if args.brokers == 0 || args.brokers > plan::BROKERS_MAX {
        return Err(Failure::usage(format!("--brokers {}: allowed is 1 to {}", args.brokers, plan::BROKERS_MAX)));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("cannot start threads: {error}")))?;
    let ended = runtime.block_on(cluster::run(args));
    runtime.shutdown_background();
    ended
}

/// What a command asks for, as the supervisor's HTTP understands it.
fn question(command: &ClusterCommand) -> (&'static str, Which) {
    let brokers = |brokers: &[i32]| Which { brokers: brokers.to_vec(), ..Which::default() };
    match command {
        ClusterCommand::Kill { which } => ("kill", brokers(&which.brokers)),
        ClusterCommand::Stop { which } => ("stop", brokers(&which.brokers)),
        ClusterCommand::Restart { which } => ("restart", brokers(&which.brokers)),
        ClusterCommand::Pause { which } => ("pause", brokers(&which.brokers)),
        ClusterCommand::Resume { which } => ("resume", brokers(&which.brokers)),
        ClusterCommand::SlowDisk { ms, which } => ("slow-disk", Which { ms: Some(*ms), ..brokers(&which.brokers) }),
        ClusterCommand::Partition { links } => ("partition", of(links)),
        ClusterCommand::Delay { ms, links } => ("delay", Which { ms: Some(*ms), ..of(links) }),
        ClusterCommand::Heal { links } => ("heal", of(links)),
        ClusterCommand::Status { .. } => ("status", Which::default()),
    }
}

fn of(links: &WhichLinks) -> Which {
    let numbers = |numbers: &Option<Numbers>| numbers.as_ref().map(|numbers| numbers.0.clone()).unwrap_or_default();
    Which { brokers: numbers(&links.brokers), others: numbers(&links.others), one_way: links.one_way, ms: None }
}

async fn control(data_dir: &Path, verb: &str, which: &Which) -> Result<(), Failure> {
    let (address, token) = plan::control(data_dir)?;
    let body = serde_json::to_string(which).expect("numbers are plain data");
    let answer = http_client::post(address, &format!("/api/control/{verb}"), &token, &body, PATIENCE).await;
    match answer.map_err(|error| not_there(data_dir, &error))? {
        (200, sentence) => {
            print!("{sentence}");
            Ok(())
        }
        (_, sentence) => Err(Failure::new(sentence.trim())),
    }
}

fn not_there(data_dir: &Path, error: &io::Error) -> Failure {
    Failure::new(format!(
        "the cluster in {} cannot be asked: {error}; start it with `naru cluster`, or name another with --data-dir",
        data_dir.display()
    ))
}

#[derive(Deserialize)]
struct Report {
    cluster_id: String,
    bootstrap: String,
    nodes: Vec<NodeReport>,
    links: Vec<LinkReport>,
}

#[derive(Deserialize)]
struct NodeReport {
    id: i32,
    state: String,
    pid: Option<u32>,
    kafka: SocketAddr,
    http: SocketAddr,
    disk_delay_ms: u64,
}

#[derive(Deserialize)]
struct LinkReport {
    from: i32,
    to: i32,
    cut: bool,
    delay_ms: u64,
}

async fn status(data_dir: &Path) -> Result<(), Failure> {
    let (address, _) = plan::control(data_dir)?;
    let asked = async { http_client::get(address, "/api/nodes").await?.text().await };
    let text = asked.await.map_err(|error| not_there(data_dir, &error))?;
    let report: Report = serde_json::from_str(&text)
        .map_err(|error| Failure::new(format!("what {address} says is not a cluster's status: {error}")))?;
    println!("cluster {}  http {address}  bootstrap {}", report.cluster_id, report.bootstrap);
    for node in report.nodes {
        let pid = node.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string());
        let disk = if node.disk_delay_ms > 0 { format!("  disk +{} ms", node.disk_delay_ms) } else { String::new() };
        println!("broker {}  {:<8}  pid {pid}  kafka {}  http {}{disk}", node.id, node.state, node.kafka, node.http);
    }
    for link in report.links {
        let cut = if link.cut { "  cut" } else { "" };
        let delay = if link.delay_ms > 0 { format!("  +{} ms", link.delay_ms) } else { String::new() };
        println!("link {} -> {}{cut}{delay}", link.from, link.to);
    }
    Ok(())
}
