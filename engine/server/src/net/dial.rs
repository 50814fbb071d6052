//! Connections to other brokers: dialled here, then a socket and a task like those that were accepted.
//!
//! Whom to dial, how often and what to say is the broker's business; it chose the connection's number, too. Here is only that
//! every dial gets exactly one answer: [`Message::Dialled`], or [`Message::Disconnected`].

use super::{
    Shared,
    connection::{self, Opened},
};
use crate::engine::inbox::Message;
use naru_broker::ConnectionId;
use std::{io, sync::Arc};
use tokio::{net::TcpStream, runtime::Handle as Runtime, task::AbortHandle};

/// Makes connections for the broker's thread.
pub struct Dialler {
    shared: Arc<Shared>,
    runtime: Runtime,
}

impl Dialler {
    /// One that uses the runtime it is called in.
    pub fn new(shared: Arc<Shared>) -> Self {
        Dialler { shared, runtime: Runtime::current() }
    }

    /// Begins to dial. The handle gives up a connection that nobody wants any more before it is there.
    pub fn dial(&self, connection: ConnectionId, host: String, port: u16) -> AbortHandle {
        self.runtime.spawn(run(connection, host, port, self.shared.clone())).abort_handle()
    }
}

async fn run(connection: ConnectionId, host: String, port: u16, shared: Arc<Shared>) {
    let peer = format!("{host}:{port}");
    match connect(&host, port, &shared).await {
        Ok(stream) => connection::run(connection, stream, Opened::Dialled { peer }, shared).await,
        Err(error) => {
            crate::log::debug(format_args!("cannot connect to broker at {peer}: {error}"));
            let _ = shared.inbox.tell(Message::Disconnected { connection });
        }
    }
}

async fn connect(host: &str, port: u16, shared: &Shared) -> io::Result<TcpStream> {
    let connecting = TcpStream::connect((host, port));
    let stream = tokio::time::timeout(shared.limits.connect_time_max, connecting).await.map_err(|_| {
        io::Error::new(io::ErrorKind::TimedOut, "no answer within socket.connection.setup.timeout.ms")
    })??;
    // Small requests must not wait for one another.
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Clock,
        engine::{
            inbox::{InboxReceiver, inbox},
            outlet::{Chunk, Outlet},
        },
        net::Limits,
    };
    use bytes::Bytes;
    use std::time::{Duration, Instant};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    const CONNECTION: ConnectionId = ConnectionId(ConnectionId::DIALLED + 7);

    fn dialler() -> (Dialler, InboxReceiver) {
        let (sender, receiver) = inbox(10);
        let limits = Limits {
            request_bytes_max: 1000,
            connections_max: 1,
            idle_max: Duration::from_secs(60),
            frame_time_max: Duration::from_secs(60),
            connect_time_max: Duration::from_secs(10),
        };
        (Dialler::new(Arc::new(Shared::new(sender, Clock::start(), limits))), receiver)
    }

    /// The next message to the broker, waited for away from the sockets' own thread.
    async fn next(receiver: InboxReceiver) -> (Message, InboxReceiver) {
        let waiting = tokio::task::spawn_blocking(move || {
            let patience = Instant::now() + Duration::from_secs(30);
            (receiver.wait(Some(patience)).expect("something is said"), receiver)
        });
        waiting.await.unwrap()
    }

    async fn dialled(listener: &TcpListener) -> (TcpStream, Outlet, InboxReceiver) {
        let (dialler, receiver) = dialler();
        let address = listener.local_addr().unwrap();
        dialler.dial(CONNECTION, address.ip().to_string(), address.port());
        let (stream, _) = listener.accept().await.unwrap();
        match next(receiver).await {
            (Message::Dialled { connection: CONNECTION, outlet }, receiver) => (stream, outlet, receiver),
            _ => panic!("the first word is that the connection is there"),
        }
    }

    #[tokio::test]
    async fn frames_go_both_ways_and_the_end_is_told() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (mut peer, outlet, receiver) = dialled(&listener).await;
        outlet.send(vec![Chunk::Bytes(Bytes::from_static(b"\0\0\0\x03ask"))], false);
        let mut asked = [0; 7];
        peer.read_exact(&mut asked).await.unwrap();
        assert_eq!(&asked, b"\0\0\0\x03ask");
        peer.write_all(b"\0\0\0\x04told").await.unwrap();
        let (message, receiver) = next(receiver).await;
        assert!(matches!(message, Message::Frame { connection: CONNECTION, frame } if frame == b"told"[..]));
        drop(peer);
        let (message, _) = next(receiver).await;
        assert!(matches!(message, Message::Disconnected { connection: CONNECTION }));
    }

    #[tokio::test]
    async fn nobody_there_is_told_as_an_end() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let (dialler, receiver) = dialler();
        dialler.dial(CONNECTION, "127.0.0.1".into(), port);
        let (message, _) = next(receiver).await;
        assert!(matches!(message, Message::Disconnected { connection: CONNECTION }));
    }

    #[tokio::test]
    async fn an_answer_that_is_too_long_ends_the_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (mut peer, outlet, receiver) = dialled(&listener).await;
        peer.write_all(&1001i32.to_be_bytes()).await.unwrap();
        let (message, _) = next(receiver).await;
        assert!(matches!(message, Message::Disconnected { connection: CONNECTION }));
        // As the broker's thread does then.
        drop(outlet);
        let mut rest = Vec::new();
        assert!(peer.read_to_end(&mut rest).await.is_ok_and(|count| count == 0));
    }
}
