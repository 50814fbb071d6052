//! `cargo xtask start`: the book with its labs, and a live broker beside it, until Ctrl-C.
//!
//! Everything is made ready first (set-up, WASM, a release build); only then are the two programs started, and only when
//! both answer are the addresses printed. A taken port that nobody asked for by name is replaced by the next free one.

use crate::{setup, shell, web};
use anyhow::{Context, Result, bail};
use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};

const BOOK: &str = "127.0.0.1:3000";
const KAFKA: &str = "127.0.0.1:9092";
const HTTP: &str = "127.0.0.1:8080";
/// How far to look for a free port.
const PORTS_TRIED: u16 = 50;
/// mdBook builds the book before it listens, and may have to compile the preprocessor for that.
const BOOK_READY_MAX: Duration = Duration::from_secs(600);
const NARU_READY_MAX: Duration = Duration::from_secs(20);
/// How long the broker may take to write down what it has.
const STOP_MAX: Duration = Duration::from_secs(10);

#[derive(clap::Args)]
pub struct StartArgs {
    /// Where the book is served [default: 127.0.0.1:3000, or the next free port]
    #[arg(long, value_name = "HOST:PORT")]
    book: Option<SocketAddr>,
    /// Where Kafka clients connect [default: 127.0.0.1:9092, or the next free port]
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<SocketAddr>,
    /// Where the live page is [default: 127.0.0.1:8080, or the next free port]
    #[arg(long, value_name = "HOST:PORT")]
    http: Option<SocketAddr>,
    /// Where the broker keeps its data
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

pub fn run(args: &StartArgs) -> Result<()> {
    let book = choose_port("book", "--book", args.book, BOOK)?;
    let kafka = choose_port("broker", "--listen", args.listen, KAFKA)?;
    let http = choose_port("live page", "--http", args.http, HTTP)?;
    setup::for_product()?;
    web::run(&web::WebArgs::default())?;
    let naru = build_naru()?;
    let data_dir = args.data_dir.clone().unwrap_or_else(|| shell::target().join("naru-data"));

    // From here on Ctrl-C is ours: both programs are to end in good order.
    let stop = stop_signal()?;
    let mut naru = Running::start("the broker", serve(&naru, kafka, http, &data_dir))?;
    naru.wait_for(kafka, NARU_READY_MAX, &stop)?;
    let mut mdbook = Running::start("the book", mdbook_serve(book))?;
    mdbook.wait_for(book, BOOK_READY_MAX, &stop)?;
    println!("\n  the book, with its labs   http://{book}");
    println!("  the live page             http://{http}");
    println!("  Kafka clients             {kafka}");
    println!("  data                      {}", shell::relative(&data_dir));
    println!("\n  Ctrl-C ends both.\n");
    watch(&stop, &mut [&mut naru, &mut mdbook])
}

/// The release build of `naru`, with the live page inside.
pub fn build_naru() -> Result<PathBuf> {
    println!("building naru (release)");
    let mut cargo = shell::cargo();
    cargo.args(["build", "--release", "--package", "naru-server"]).env("NARU_WEB_DIST", web::dist());
    shell::run(&mut cargo)?;
    Ok(shell::target().join("release/naru"))
}

pub fn serve(naru: &PathBuf, kafka: SocketAddr, http: SocketAddr, data_dir: &PathBuf) -> Command {
    let mut command = shell::command(naru);
    command
        .args(["serve", "--listen", &kafka.to_string(), "--http", &http.to_string()])
        .arg("--data-dir")
        .arg(data_dir);
    command
}

/// Exactly what a reader would type, apart from the address.
pub fn mdbook_serve(address: SocketAddr) -> Command {
    let mut command = setup::mdbook_command();
    command.args(["serve", "book", "--hostname", &address.ip().to_string(), "--port", &address.port().to_string()]);
    command
}

// ---- Ports ----

fn choose_port(what: &str, flag: &str, asked: Option<SocketAddr>, usual: &str) -> Result<SocketAddr> {
    if let Some(asked) = asked {
        TcpListener::bind(asked)
            .with_context(|| format!("{asked} cannot be used for the {what}: choose another with {flag}"))?;
        return Ok(asked);
    }
    let usual: SocketAddr = usual.parse().expect("our own addresses are sound");
    for step in 0..PORTS_TRIED {
        let address = SocketAddr::new(usual.ip(), usual.port() + step);
        if TcpListener::bind(address).is_ok() {
            if step > 0 {
                println!("{usual} is taken, so the {what} gets {address} ({flag} chooses another)");
            }
            return Ok(address);
        }
    }
    bail!("no free port for the {what} from {usual} on: choose one with {flag}")
}

/// A port that is free now, for tests.
pub fn free_port() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

// ---- Processes ----

fn stop_signal() -> Result<Receiver<()>> {
    let (sender, receiver) = mpsc::channel();
    let tell = move || {
        let _ = sender.send(());
    };
    ctrlc::set_handler(tell).context("could not listen for Ctrl-C")?;
    Ok(receiver)
}

/// A program that ends when this value does.
pub struct Running {
    what: &'static str,
    child: Child,
}

impl Running {
    pub fn start(what: &'static str, mut command: Command) -> Result<Self> {
        let child = command.stdin(Stdio::null()).spawn();
        Ok(Running { what, child: child.with_context(|| format!("could not start {}", shell::shown(&command)))? })
    }

    /// Waits until it listens.
    pub fn wait_for(&mut self, address: SocketAddr, at_most: Duration, stop: &Receiver<()>) -> Result<()> {
        let started = Instant::now();
        while started.elapsed() < at_most {
            if TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok() {
                return Ok(());
            }
            self.check()?;
            match stop.recv_timeout(Duration::from_millis(50)) {
                Ok(()) => bail!("stopped before {} was ready", self.what),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        }
        bail!("{} does not listen on {address} after {} s", self.what, at_most.as_secs())
    }

    /// An error if it has ended.
    fn check(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("{} ended with {status}; what it printed above says why", self.what),
            None => Ok(()),
        }
    }
}

impl Drop for Running {
    /// Asks it to end, and insists after a while.
    fn drop(&mut self) {
        let Ok(None) = self.child.try_wait() else { return };
        if let Some(pid) = rustix::process::Pid::from_raw(self.child.id() as i32) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let asked = Instant::now();
        while asked.elapsed() < STOP_MAX {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Until Ctrl-C, or until one of them ends by itself.
fn watch(stop: &Receiver<()>, programs: &mut [&mut Running]) -> Result<()> {
    loop {
        match stop.recv_timeout(Duration::from_millis(200)) {
            Ok(()) => {
                println!("\nstopping");
                return Ok(());
            }
            Err(_) => programs.iter_mut().try_for_each(|program| program.check())?,
        }
    }
}
