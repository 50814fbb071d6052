//! Starting brokers as processes and finding the real clients, for the tests beside this and for the bench.
//!
//! This crate is deliberately no part of Naru: it sees the broker only as its users do, over a socket. Every helper panics
//! with a sentence that says what to do: it runs in tests and in the bench only. Read `tests/` next.

pub mod cluster;

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

/// How long a broker may take to be ready, or a client to end, before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A broker as a process, killed when dropped.
pub struct BrokerProcess {
    child: Child,
    /// `127.0.0.1:port` for clients.
    pub bootstrap: String,
    /// `127.0.0.1:port` of the live page; empty for Apache Kafka.
    pub http: String,
    /// From the start of the process to its being ready.
    pub started_in: Duration,
}

impl BrokerProcess {
    /// Starts `naru serve` on `data_dir` with free ports, or on the ports given, and waits for its `ready` line.
    pub fn naru(data_dir: &Path, listen: &str, settings: &[&str]) -> Self {
        let begun = Instant::now();
        let mut command = Command::new(naru_binary());
        command.arg("serve").arg("--data-dir").arg(data_dir).args(["--listen", listen, "--http", "127.0.0.1:0"]);
        for setting in settings {
            command.args(["--set", setting]);
        }
        let mut child = command.stdout(Stdio::piped()).spawn().expect("naru starts");
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        stdout.read_line(&mut line).expect("naru prints its ready line");
        let address = |name: &str| {
            let part = line.split_whitespace().find_map(|word| word.strip_prefix(name));
            part.unwrap_or_else(|| panic!("no {name} in the ready line of naru: {line:?}")).to_owned()
        };
        let (bootstrap, http) = (address("kafka="), address("http="));
        BrokerProcess { child, bootstrap, http, started_in: begun.elapsed() }
    }

    /// Starts an Apache Kafka of one node in `dir` and waits until it accepts connections.
    pub fn apache_kafka(dir: &Path) -> Self {
        let (properties, bootstrap) = kafka_properties(dir);
        let format = java("kafka.tools.StorageTool", &["format", "-t", "bmFydS1pbnRlcm9wLWJlbg", "-c"])
            .arg(&properties)
            .output()
            .expect("java starts");
        assert!(format.status.success(), "formatting failed: {}", String::from_utf8_lossy(&format.stderr));
        BrokerProcess::start_kafka(dir, &properties, bootstrap)
    }

    /// The same on `data` in `dir`, which is a data directory already.
    pub fn apache_kafka_on(dir: &Path) -> Self {
        let (properties, bootstrap) = kafka_properties(dir);
        BrokerProcess::start_kafka(dir, &properties, bootstrap)
    }

    fn start_kafka(dir: &Path, properties: &Path, bootstrap: String) -> Self {
        let begun = Instant::now();
        let log = File::create(dir.join("kafka.log")).expect("kafka.log can be written");
        let child = java("kafka.Kafka", &[])
            .arg(properties)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("Apache Kafka starts");
        wait_until("Apache Kafka accepts connections", || TcpStream::connect(&bootstrap).is_ok());
        BrokerProcess { child, bootstrap, http: String::new(), started_in: begun.elapsed() }
    }

    /// Ends the process without warning, as `kill -9` does, and waits until it is gone.
    pub fn kill_9(&mut self) {
        self.child.kill().expect("the broker can be killed");
        self.child.wait().expect("the broker ends");
    }

    /// Asks the process to end (SIGTERM), waits, and says whether it ended well.
    pub fn stop(&mut self) -> bool {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("the broker can be signalled");
        self.child.wait().expect("the broker ends").success()
    }

    /// User and system CPU seconds used so far.
    pub fn cpu_seconds(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("/proc is there");
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
        let ticks: f64 = fields[11].parse::<f64>().unwrap_or(0.0) + fields[12].parse::<f64>().unwrap_or(0.0);
        ticks / rustix::param::clock_ticks_per_second() as f64
    }

    /// Resident memory in MiB.
    pub fn resident_mib(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("/proc is there");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or("VmRSS: 0 kB");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
    }
}

impl Drop for BrokerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes the configuration of an Apache Kafka of one node whose data is in `dir/data`. Returns it and where clients connect.
fn kafka_properties(dir: &Path) -> (PathBuf, String) {
    let (port, controller) = (free_port(), free_port());
    let text = format!(
        "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controller}\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{port}\ncontroller.listener.names=CONTROLLER\n\
         log.dirs={}\noffsets.topic.replication.factor=1\ntransaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\nlog.cleaner.backoff.ms=200\nlog.initial.task.delay.ms=200\n",
        dir.join("data").display()
    );
    let properties = dir.join("server.properties");
    std::fs::write(&properties, text).expect("server.properties can be written");
    (properties, format!("127.0.0.1:{port}"))
}

/// The `naru` binary: `NARU_BIN`, or what was last built in `target`.
pub fn naru_binary() -> PathBuf {
    if let Some(path) = std::env::var_os("NARU_BIN") {
        return path.into();
    }
    let target = workspace().join("target");
    let built = ["release/naru", "debug/naru"].map(|path| target.join(path));
    let found = built.into_iter().find(|path| path.exists());
    found.expect("no naru binary: run `cargo build --release -p naru-server` first, or set NARU_BIN")
}

/// A folder of `NARU_TOOLS`, or of `target/tools`, which `cargo xtask setup --tests` fills.
pub fn tool(name: &str) -> PathBuf {
    let tools = std::env::var_os("NARU_TOOLS").map_or_else(|| workspace().join("target/tools"), PathBuf::from);
    let path = tools.join(name);
    assert!(path.exists(), "{} is missing: run `cargo xtask setup --tests`", path.display());
    path
}

/// A Java program of Apache Kafka's, with `args`.
pub fn java(class: &str, args: &[&str]) -> Command {
    let mut command = Command::new("java");
    command.args(["-Xmx1G", "-XX:+UseG1GC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp"]);
    command.arg(format!("{}/*", tool("kafka").display())).arg(class).args(args);
    command
}

/// Runs `command` with `input` on its standard input, and fails the test with all its output if it fails.
pub fn run(command: &mut Command, input: &str) -> String {
    let output = run_unchecked(command, input);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?} failed with {}:\n{out}\n{err}", output.status);
    out.into_owned()
}

/// Runs `command` with `input` on its standard input, whatever comes.
pub fn run_unchecked(command: &mut Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?} does not start ({error}): run `cargo xtask setup --tests`"));
    let mut stdin = child.stdin.take().expect("stdin is piped");
    let text = input.to_owned();
    // A thread of its own, so that a client that prints before it has read all cannot block us.
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(text.as_bytes());
    });
    let output = child.wait_with_output().expect("the client ends");
    writer.join().expect("the writer ends");
    output
}

/// Polls `condition` until it holds. For what offers no event to wait for: another program's port, a file it writes.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain until: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// The root of the workspace.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("two folders up").to_owned()
}

/// Runs one of librdkafka's admin futures to its end; its own threads do the work.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(value) => return value,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}
