//! One broker of the cluster, as a process: started, killed, stopped, paused, and watched until it ends.
//!
//! One task owns the process. Orders to it and its end are handled one after another, so that no signal ever goes to a process
//! that is gone and whose number somebody else has got.

use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;
use std::{
    net::SocketAddr,
    process::{ExitStatus, Stdio},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, ChildStdin, Command},
    sync::{mpsc, oneshot, watch},
    time::{Instant, sleep_until},
};

/// How long a broker may take to hand over what it leads before it is asked a second time, and then stops without that.
const HAND_OVER_WAIT: Duration = Duration::from_secs(5);
/// After that, how long it may take to end before it is killed.
const STOP_WAIT: Duration = Duration::from_secs(10);

/// How a broker's process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It runs, and does not serve clients yet.
    Starting,
    /// It serves clients.
    Running,
    /// It is suspended.
    Paused,
    /// It ended in good order, because it was told to.
    Stopped,
    /// It ended without warning, or was killed.
    Crashed,
}

impl State {
    /// Whether there is a process.
    pub fn is_alive(self) -> bool {
        !matches!(self, State::Stopped | State::Crashed)
    }
}

/// What is known of a broker's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// How it is.
    pub state: State,
    /// Its process, while there is one.
    pub pid: Option<u32>,
}

/// What can be done to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Start it, if it does not run.
    Start,
    /// End it without warning (`SIGKILL`).
    Kill,
    /// End it in good order (`SIGTERM`).
    Stop,
    /// Suspend it (`SIGSTOP`).
    Pause,
    /// Let it go on (`SIGCONT`).
    Resume,
}

type Answer = oneshot::Sender<Result<(), String>>;

/// A broker's process, seen from outside its task.
pub struct Node {
    /// `node.id`.
    pub id: i32,
    /// Where clients dial it.
    pub kafka: SocketAddr,
    /// Where its own page is.
    pub http: SocketAddr,
    orders: mpsc::Sender<(Order, Answer)>,
    status: watch::Receiver<Status>,
}

impl Node {
    /// One that does not run yet; `command` makes the command that starts it.
    pub fn new(
        id: i32,
        (kafka, http): (SocketAddr, SocketAddr),
        command: impl Fn() -> Command + Send + 'static,
    ) -> Node {
        let (orders, receiver) = mpsc::channel(16);
        let (status, watched) = watch::channel(Status { state: State::Stopped, pid: None });
        let task = Task {
            id,
            command: Box::new(command),
            orders: receiver,
            status,
            child: None,
            lifeline: None,
            ready: None,
            served: false,
        };
        tokio::spawn(task.run());
        Node { id, kafka, http, orders, status: watched }
    }

    /// Does something to it, and waits until it is done. An error is a sentence.
    pub async fn order(&self, order: Order) -> Result<(), String> {
        let (answer, answered) = oneshot::channel();
        let gone = |_| "the cluster is stopping".to_owned();
        self.orders.send((order, answer)).await.map_err(|_| gone(()))?;
        answered.await.map_err(|_| gone(()))?
    }

    /// How it is.
    pub fn status(&self) -> Status {
        *self.status.borrow()
    }

    /// How it is, from now on.
    pub fn watch(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Waits until it serves clients, or has ended. Not longer than `patience`.
    pub async fn settled(&self, patience: Duration) -> State {
        let mut status = self.status.clone();
        let settled = status.wait_for(|status| status.state != State::Starting);
        let _ = tokio::time::timeout(patience, settled).await;
        self.status().state
    }
}

struct Task {
    id: i32,
    command: Box<dyn Fn() -> Command + Send>,
    orders: mpsc::Receiver<(Order, Answer)>,
    status: watch::Sender<Status>,
    child: Option<Child>,
    /// Its standard input: a broker whose supervisor is gone, however that came, sees it end, and stops.
    lifeline: Option<ChildStdin>,
    /// Told when the child serves clients.
    ready: Option<oneshot::Receiver<()>>,
    /// Whether it was told.
    served: bool,
}

impl Task {
    async fn run(mut self) {
        loop {
            tokio::select! {
                order = self.orders.recv() => match order {
                    Some((order, answer)) => {
                        let done = self.perform(order).await;
                        let _ = answer.send(done);
                    }
                    // Nobody can ask for anything any more.
                    None => return,
                },
                ended = ended(&mut self.child) => self.on_ended(ended),
                () = ready(&mut self.ready) => self.on_ready(),
            }
        }
    }

    async fn perform(&mut self, order: Order) -> Result<(), String> {
        let id = self.id;
        // What ended a moment ago is not alive any more.
        if let Some(child) = &mut self.child
            && let Ok(Some(ended)) = child.try_wait()
        {
            self.on_ended(Ok(ended));
        }
        let state = self.status.borrow().state;
        match order {
            Order::Start if state.is_alive() => Err(format!("broker {id} runs already")),
            Order::Start => self.start(),
            _ if !state.is_alive() => Err(format!("broker {id} does not run; `naru cluster restart {id}` starts it")),
            Order::Kill => self.kill().await,
            Order::Stop => self.stop().await,
            Order::Pause if state == State::Paused => Err(format!("broker {id} is paused already")),
            Order::Pause => self.signal(Signal::STOP).map(|()| self.set(State::Paused)),
            Order::Resume if state != State::Paused => Err(format!("broker {id} is not paused")),
            Order::Resume => {
                self.signal(Signal::CONT)?;
                self.set(if self.served { State::Running } else { State::Starting });
                Ok(())
            }
        }
    }

    fn start(&mut self) -> Result<(), String> {
        let mut command = (self.command)();
        // A group of its own: Ctrl-C at the terminal is for us, and we end our brokers in good order.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| format!("broker {} cannot be started: {error}", self.id))?;
        let (ready, when_ready) = oneshot::channel();
        self.lifeline = child.stdin.take();
        if let Some(output) = child.stdout.take() {
            tokio::spawn(wait_for_ready(output, ready));
        }
        if let Some(output) = child.stderr.take() {
            tokio::spawn(pass_on(self.id, output));
        }
        (self.ready, self.served) = (Some(when_ready), false);
        self.child = Some(child);
        self.set(State::Starting);
        Ok(())
    }

    async fn kill(&mut self) -> Result<(), String> {
        let Some(child) = &mut self.child else { return Ok(()) };
        child.kill().await.map_err(|error| format!("broker {} cannot be killed: {error}", self.id))?;
        self.ended_with(State::Crashed);
        Ok(())
    }

    /// Asks it to end, then asks again without a hand-over, then kills it.
    async fn stop(&mut self) -> Result<(), String> {
        // A suspended process hears nothing.
        self.signal(Signal::CONT)?;
        self.signal(Signal::TERM)?;
        let hand_over = Instant::now() + HAND_OVER_WAIT;
        if !self.ends_before(hand_over).await {
            self.signal(Signal::TERM)?;
            if !self.ends_before(hand_over + STOP_WAIT).await {
                return self.kill().await;
            }
        }
        Ok(())
    }

    async fn ends_before(&mut self, deadline: Instant) -> bool {
        tokio::select! {
            ended = ended(&mut self.child) => {
                let in_order = ended.is_ok_and(|status| status.success());
                self.ended_with(if in_order { State::Stopped } else { State::Crashed });
                true
            }
            () = sleep_until(deadline) => false,
        }
    }

    fn signal(&mut self, signal: Signal) -> Result<(), String> {
        let pid = self.child.as_ref().and_then(Child::id).and_then(|pid| Pid::from_raw(pid as i32));
        // It has ended, and its end is about to be noticed.
        let Some(pid) = pid else { return Ok(()) };
        kill_process(pid, signal).map_err(|error| format!("broker {}: {error}", self.id))
    }

    /// Its ready line has come, possibly while it was being suspended.
    fn on_ready(&mut self) {
        self.served = true;
        if self.status.borrow().state == State::Starting {
            self.set(State::Running);
        }
    }

    /// It ended by itself, or by somebody else's hand.
    fn on_ended(&mut self, ended: std::io::Result<ExitStatus>) {
        let how = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
        crate::log::warn(format_args!("broker {} has ended: {how}", self.id));
        self.ended_with(State::Crashed);
    }

    fn ended_with(&mut self, state: State) {
        (self.child, self.lifeline, self.ready) = (None, None, None);
        self.set(state);
    }

    fn set(&mut self, state: State) {
        let pid = self.child.as_ref().and_then(Child::id);
        self.status.send_replace(Status { state, pid });
    }
}

/// The end of the process; for ever where there is none.
async fn ended(child: &mut Option<Child>) -> std::io::Result<ExitStatus> {
    match child {
        Some(child) => child.wait().await,
        None => std::future::pending().await,
    }
}

/// The moment it serves clients; for ever where it does already, or has ended before that.
async fn ready(ready: &mut Option<oneshot::Receiver<()>>) {
    let told = match ready {
        Some(receiver) => receiver.await,
        None => std::future::pending().await,
    };
    *ready = None;
    if told.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Reads a broker's standard output to its end, and tells of its ready line.
async fn wait_for_ready(output: impl AsyncRead + Unpin, ready: oneshot::Sender<()>) {
    let mut lines = BufReader::new(output).lines();
    let mut ready = Some(ready);
    while let Ok(Some(line)) = lines.next_line().await {
        if line.starts_with("ready ")
            && let Some(ready) = ready.take()
        {
            let _ = ready.send(());
        }
    }
}

/// What a broker says on standard error, with its number.
async fn pass_on(id: i32, output: impl AsyncRead + Unpin) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let line = line.strip_prefix("naru: ").unwrap_or(&line);
        crate::log::warn(format_args!("broker {id}: {line}"));
    }
}
