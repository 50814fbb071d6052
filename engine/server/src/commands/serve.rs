//! `naru serve`: a real broker.
//!
//! Start: settings, data directory, ports, broker, then the line `ready ...`. Stop on SIGTERM or SIGINT: no new connections, the
//! turn is finished, what a broker of several leads is handed over, files are synced, responses are written, and the data directory is marked as cleanly shut down.

use crate::{
    cli::ServeArgs,
    clock::Clock,
    data_dir::DataDirs,
    engine::{
        self,
        inbox::{Message, inbox},
    },
    failure::Failure,
    http, log, membership,
    net::{self, dial::Dialler},
    settings::{HostPort, Settings},
};
use std::{
    io::{ErrorKind, Write},
    net::SocketAddr,
    process::ExitCode,
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::{oneshot, watch},
};

/// Sockets are framed by this many threads at most: half the cores, because the broker's own thread has to run too.
const WORKERS_MAX: usize = 4;
/// When a broker that is not ready says that it is still trying.
const READY_PATIENCE: Duration = Duration::from_secs(10);
/// File descriptors that connections must leave for files.
const DESCRIPTORS_FOR_FILES: usize = 1024;

/// Runs until a signal.
pub fn run(args: &ServeArgs) -> Result<ExitCode, Failure> {
    let settings = Settings::resolve(args)?;
    for key in &settings.unknown_keys {
        log::warn(format_args!("{key} is a key this broker does not know; it is ignored"));
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.div_ceil(2).clamp(1, WORKERS_MAX))
        .thread_name("naru-net")
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("cannot start threads: {error}")))?;
    let ended = runtime.block_on(serve(settings));
    // Reads and syncs that are still under way are nobody's any more.
    runtime.shutdown_background();
    ended.map(|()| ExitCode::SUCCESS)
}

async fn serve(mut settings: Settings) -> Result<(), Failure> {
    stop_with_the_broker_thread();
    let mut signals = Signals::listen()?;
    if settings.until_stdin_ends {
        signals.or_end_of_stdin();
    }
    // Ports first: a port that is taken leaves no new directory behind. Who dials already waits until the broker is there.
    let (kafka, kafka_address) = bind(&settings.listeners.main, "--listen").await?;
    let mut kafka = vec![kafka];
    for address in &settings.listeners.others {
        kafka.push(bind(address, "--set listeners=... or --config").await?.0);
    }
    let (web, web_address) = bind(&settings.http, "--http").await?;
    let data = DataDirs::open(&settings.data_dirs)?;
    membership::check_new_directory(&settings.broker, data.are_new())?;
    advertise(&mut settings, kafka_address);

    let clock = settings.clock_origin.map_or_else(Clock::start, Clock::since);
    let (sender, receiver) = inbox(settings.queued_requests_max);
    settings.broker.seed = entropy()?;
    settings.broker.log_dirs = data.config();
    let storage = data.storage();
    let mut limits = settings.limits.clone();
    limits.connections_max = limits.connections_max.min(descriptors().saturating_sub(DESCRIPTORS_FOR_FILES).max(16));
    let shared = Arc::new(net::Shared::new(sender.clone(), clock, limits));
    let dialler = Dialler::new(shared.clone());
    let engine::Started { thread, ready } =
        engine::start(settings.broker.clone(), storage, clock, (sender.clone(), receiver), dialler)
            .map_err(|error| Failure::new(error.to_string()))?;

    let (stop, stopped) = watch::channel(false);
    let accept = |listener| tokio::spawn(net::serve(listener, shared.clone(), stopped.clone()));
    let connections: Vec<_> = kafka.into_iter().map(accept).collect();
    let guard = http::Guard::new((web_address, &settings.http.host), settings.control_token);
    let state = http::State::new(sender.clone(), clock, guard, data.paths(), stopped);
    let pages = tokio::spawn(http::serve(web, state));

    tokio::select! {
        // A broker's thread that ended says so by itself.
        Ok(()) = wait_until_ready(ready) => {
            say_ready(kafka_address, web_address);
            signals.next().await;
        }
        () = signals.next() => {}
    }
    // The engine first: it hands over what it leads while it can still be reached.
    let _ = sender.tell(Message::Stop);
    let mut ended = std::pin::pin!(join(thread));
    tokio::select! {
        () = &mut ended => {}
        () = signals.next() => {
            // Asked twice: without a hand-over, then.
            let _ = sender.tell(Message::Stop);
            ended.await;
        }
    }
    let _ = stop.send(true);
    for accepting in connections {
        let _ = accepting.await;
    }
    pages.abort();
    drop(data);
    Ok(())
}

/// Listens on an address that `flag` names.
pub async fn bind(address: &HostPort, flag: &str) -> Result<(TcpListener, SocketAddr), Failure> {
    let bound = TcpListener::bind((address.host.as_str(), address.port)).await;
    let listener = bound.map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => Failure::new(format!(
            "{address} is taken by another process; stop that one, or choose another port with {flag} HOST:PORT \
             (port 0 takes any free one)"
        )),
        _ => Failure::new(format!("cannot listen on {address}: {error}; choose another address with {flag} HOST:PORT")),
    })?;
    let bound = listener.local_addr().map_err(|error| Failure::new(format!("cannot listen on {address}: {error}")))?;
    Ok((listener, bound))
}

/// What clients are told to dial: `advertised.listeners`, or where we listen. Port 0 becomes the port that was bound.
fn advertise(settings: &mut Settings, bound: SocketAddr) {
    let advertised = settings.listeners.advertised.clone().unwrap_or_else(|| settings.listeners.main.clone());
    let everywhere =
        advertised.host.is_empty() || bound.ip().is_unspecified() && settings.listeners.advertised.is_none();
    settings.broker.advertised_host = if everywhere { host_name() } else { advertised.host };
    settings.broker.advertised_port = if advertised.port == 0 { bound.port() } else { advertised.port };
}

/// This machine's name: what Kafka, too, tells clients when it listens on all addresses and was told nothing else.
fn host_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() { "localhost".into() } else { name }
}

/// Waits until clients are served. A cluster without a quorum can take for ever: whoever waits wants to know.
async fn wait_until_ready(ready: oneshot::Receiver<()>) -> Result<(), oneshot::error::RecvError> {
    let mut ready = std::pin::pin!(ready);
    match tokio::time::timeout(READY_PATIENCE, &mut ready).await {
        Ok(ready) => ready,
        Err(_) => {
            log::warn(format_args!(
                "not ready yet: the controllers of controller.quorum.voters have not let this node in; still trying"
            ));
            ready.await
        }
    }
}

/// The line that scripts wait for.
fn say_ready(kafka: SocketAddr, web: SocketAddr) {
    let mut out = std::io::stdout().lock();
    // Nobody reading standard output is no reason to stop.
    let _ = writeln!(out, "ready kafka={kafka} http={web}");
    let _ = out.flush();
}

fn entropy() -> Result<u64, Failure> {
    let mut bytes = [0u8; 8];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
        .map_err(|error| Failure::new(format!("the operating system gives no random numbers: {error}")))?;
    Ok(u64::from_le_bytes(bytes))
}

/// How many files this process may have open: as many as it is allowed to ask for.
fn descriptors() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    getrlimit(Resource::Nofile).current.map_or(usize::MAX, |current| current as usize)
}

/// A broker that broke one of its own promises must not look alive: its panic is the process's end.
fn stop_with_the_broker_thread() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        print(panic);
        if std::thread::current().name() == Some(engine::THREAD_NAME) {
            std::process::abort();
        }
    }));
}

async fn join(thread: JoinHandle<()>) {
    let _ = tokio::task::spawn_blocking(move || thread.join()).await;
}

/// What asks for a graceful end.
pub struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    /// The end of standard input, if that counts.
    orphaned: Option<oneshot::Receiver<()>>,
}

impl Signals {
    /// Listens from now on.
    pub fn listen() -> Result<Signals, Failure> {
        let on = |kind| signal(kind).map_err(|error| Failure::new(format!("cannot listen for signals: {error}")));
        Ok(Signals { terminate: on(SignalKind::terminate())?, interrupt: on(SignalKind::interrupt())?, orphaned: None })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            () = orphaned(&mut self.orphaned) => {}
        }
    }

    /// Counts the end of standard input as one.
    fn or_end_of_stdin(&mut self) {
        let (sender, receiver) = oneshot::channel();
        self.orphaned = Some(receiver);
        // A thread of its own: it may sit in this read for as long as the process lives.
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
            let _ = sender.send(());
        });
    }
}

/// The end of standard input, once; for ever where it does not count.
async fn orphaned(ended: &mut Option<oneshot::Receiver<()>>) {
    match ended {
        Some(receiver) => {
            let _ = receiver.await;
            *ended = None;
        }
        None => std::future::pending().await,
    }
}
