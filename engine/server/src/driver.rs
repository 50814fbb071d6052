//! Drives one of [`naru_client`]'s machines over real sockets, for the console commands.
//!
//! The contract is [`Machine`]'s: step, perform, wait. One task owns the machine; each connection has a task that only moves
//! frames. This is deliberately not a client library: no threads, no callbacks, one client at a time.

use crate::{clock::Clock, failure::Failure};
use bytes::Bytes;
use naru_client::{ClientEffect, ClientInput, ClientOutbox, ConnectionId, Machine};
use naru_trace::Now;
use std::{collections::BTreeMap, io, time::Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
};

/// Frames that may have arrived and not been taken.
const ARRIVALS_MAX: usize = 16;
/// No answer of a broker is longer.
const FRAME_BYTES_MAX: i32 = 512 * 1024 * 1024;

/// A machine's surroundings.
pub struct Driver {
    clock: Clock,
    /// Where the machine leaves its effects. Call [`Driver::perform`] after every call of the machine's own methods.
    pub out: ClientOutbox,
    connections: BTreeMap<ConnectionId, mpsc::UnboundedSender<Bytes>>,
    arrivals: mpsc::Receiver<ClientInput>,
    arrive: mpsc::Sender<ClientInput>,
    /// Whether any connection was ever made.
    reached: bool,
    last_dialled: String,
}

impl Driver {
    /// Surroundings with no connection yet.
    pub fn new() -> Self {
        let (arrive, arrivals) = mpsc::channel(ARRIVALS_MAX);
        Driver {
            clock: Clock::start(),
            out: ClientOutbox::default(),
            connections: BTreeMap::new(),
            arrivals,
            arrive,
            reached: false,
            last_dialled: String::new(),
        }
    }

    /// The time.
    pub fn now(&self) -> Now {
        self.clock.now()
    }

    /// Performs what the machine asked for.
    pub fn perform(&mut self) {
        for effect in std::mem::take(&mut self.out.effects) {
            match effect {
                ClientEffect::Dial { connection, host, port } => {
                    let (sender, queue) = mpsc::unbounded_channel();
                    self.connections.insert(connection, sender);
                    self.last_dialled = format!("{host}:{port}");
                    tokio::spawn(run_connection(connection, host, port, queue, self.arrive.clone()));
                }
                ClientEffect::Send { connection, frame, .. } => {
                    // A connection that has just ended says so by itself.
                    let _ = self.connections.get(&connection).map(|queue| queue.send(frame));
                }
                ClientEffect::Close { connection } => drop(self.connections.remove(&connection)),
            }
        }
    }

    /// Waits for the next thing to happen, at most until `until`, and lets the machine take it.
    ///
    /// Fails when the very first broker cannot be reached: a person at a terminal wants to know, not to wait.
    pub async fn advance(&mut self, machine: &mut impl Machine, until: Option<Instant>) -> Result<(), Failure> {
        self.perform();
        let deadline = machine.next_deadline().map(|deadline| self.clock.instant(deadline.at));
        let wake = [deadline, until].into_iter().flatten().min();
        let arrived = match wake {
            None => self.arrivals.recv().await,
            Some(wake) => tokio::time::timeout_at(wake.into(), self.arrivals.recv()).await.unwrap_or(None),
        };
        if let Some(input) = arrived {
            self.take(machine, input)?;
        }
        while let Ok(input) = self.arrivals.try_recv() {
            self.take(machine, input)?;
        }
        let now = self.now();
        if machine.next_deadline().is_some_and(|deadline| deadline.at <= now.monotonic) {
            machine.step(now, ClientInput::Tick, &mut self.out);
        }
        self.perform();
        Ok(())
    }

    fn take(&mut self, machine: &mut impl Machine, input: ClientInput) -> Result<(), Failure> {
        match &input {
            ClientInput::Connected { connection } | ClientInput::Frame { connection, .. } => {
                if !self.connections.contains_key(connection) {
                    return Ok(());
                }
                self.reached = true;
            }
            ClientInput::Disconnected { connection, reason } => {
                // A connection that the machine closed itself is not spoken of again.
                if self.connections.remove(connection).is_none() {
                    return Ok(());
                }
                if !self.reached {
                    return Err(Failure::new(format!(
                        "no broker at {}: {reason}; start one with `naru serve`, or name another with --bootstrap",
                        self.last_dialled
                    )));
                }
            }
            ClientInput::Tick => {}
        }
        machine.step(self.now(), input, &mut self.out);
        self.perform();
        Ok(())
    }
}

/// A number to begin random choices with.
pub fn seed() -> u64 {
    let mut bytes = [0u8; 8];
    // Without entropy the clock will do: nothing here is a secret.
    match rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()) {
        Ok(8) => u64::from_le_bytes(bytes),
        _ => Clock::start().now().wall_ms as u64,
    }
}

/// Runs a console command on this thread.
pub fn block_on<T>(command: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("cannot start: {error}")))?;
    let result = runtime.block_on(command);
    // A thread that still waits for a line of standard input must not keep the process.
    runtime.shutdown_background();
    result
}

async fn run_connection(
    connection: ConnectionId,
    host: String,
    port: u16,
    queue: mpsc::UnboundedReceiver<Bytes>,
    arrive: mpsc::Sender<ClientInput>,
) {
    let ended = match connect(&host, port).await {
        Ok(stream) => {
            let (read, write) = stream.into_split();
            if arrive.send(ClientInput::Connected { connection }).await.is_err() {
                return;
            }
            tokio::select! {
                ended = read_frames(connection, read, &arrive) => ended,
                ended = write_frames(write, queue) => ended,
            }
        }
        Err(error) => Err(error),
    };
    let reason = ended.err().map_or("connection closed".to_owned(), |error| error.to_string());
    let _ = arrive.send(ClientInput::Disconnected { connection, reason: reason.into() }).await;
}

async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn read_frames(
    connection: ConnectionId,
    mut stream: OwnedReadHalf,
    arrive: &mpsc::Sender<ClientInput>,
) -> io::Result<()> {
    loop {
        let length = match stream.read_i32().await {
            Ok(length @ 0..=FRAME_BYTES_MAX) => length as u64,
            Ok(length) => {
                return Err(io::Error::other(format!("an answer of {length} bytes: this is no Kafka broker")));
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut frame = Vec::new();
        // Grows as bytes come: a length alone is given no memory.
        (&mut stream).take(length).read_to_end(&mut frame).await?;
        if (frame.len() as u64) < length {
            return Ok(());
        }
        if arrive.send(ClientInput::Frame { connection, frame: frame.into() }).await.is_err() {
            return Ok(());
        }
    }
}

async fn write_frames(mut stream: OwnedWriteHalf, mut queue: mpsc::UnboundedReceiver<Bytes>) -> io::Result<()> {
    while let Some(frame) = queue.recv().await {
        stream.write_all(&frame).await?;
    }
    Ok(())
}
