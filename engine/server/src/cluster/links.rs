//! What lies between the brokers: one small TCP proxy for each ordered pair, so that a link can be cut or slowed down, in one
//! direction or both, without any privilege.
//!
//! Broker 1 dials broker 2 at the proxy of (1, 2). What 1 says then goes the way 1 -> 2, and what 2 answers goes 2 -> 1, whoever
//! dialled. A cut is what a broken network is to TCP: nothing arrives, nothing is refused, and what was sent arrives when the
//! link is healed, if the two still want it. A new connection needs both directions.
//!
//! Clients dial brokers directly: their links are not cut.

use std::{collections::BTreeMap, io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, Interest},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, watch},
    time::Instant,
};

/// Bytes that are moved at once.
const CHUNK_BYTES: usize = 64 * 1024;
/// Chunks that may be on their way in one direction of a connection.
const CHUNKS_MAX: usize = 64;
/// How long accepting pauses when it fails.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// From one node to another.
pub type Direction = (i32, i32);

/// How it is to send something in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Condition {
    /// Nothing gets through.
    pub cut: bool,
    /// What is sent takes so much longer.
    pub delay: Duration,
}

/// All links of a cluster.
pub struct Links {
    conditions: BTreeMap<Direction, watch::Sender<Condition>>,
    /// Where the first of a pair dials the second.
    addresses: BTreeMap<Direction, SocketAddr>,
}

impl Links {
    /// Puts a proxy between any two of these nodes. They run until the process ends.
    pub async fn open(nodes: &BTreeMap<i32, SocketAddr>) -> io::Result<Links> {
        let pairs = || nodes.keys().flat_map(|from| nodes.keys().map(move |to| (*from, *to))).filter(|(a, b)| a != b);
        let conditions: BTreeMap<_, _> = pairs().map(|pair| (pair, watch::Sender::new(Condition::default()))).collect();
        let mut addresses = BTreeMap::new();
        for (from, to) in pairs() {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
            addresses.insert((from, to), listener.local_addr()?);
            let way = Way {
                target: nodes[&to],
                there: conditions[&(from, to)].subscribe(),
                back: conditions[&(to, from)].subscribe(),
            };
            tokio::spawn(accept(listener, Arc::new(way)));
        }
        Ok(Links { conditions, addresses })
    }

    /// Where `from` dials every other node.
    pub fn addresses_of(&self, from: i32) -> impl Iterator<Item = (i32, SocketAddr)> {
        self.addresses
            .iter()
            .filter(move |((dialler, _), _)| *dialler == from)
            .map(|((_, to), address)| (*to, *address))
    }

    /// Changes a direction. Returns whether it is another one now.
    pub fn set(&self, direction: Direction, change: impl FnOnce(&mut Condition)) -> bool {
        self.conditions.get(&direction).is_some_and(|condition| {
            condition.send_if_modified(|condition| {
                let before = *condition;
                change(condition);
                *condition != before
            })
        })
    }

    /// All directions, and how they are.
    pub fn conditions(&self) -> impl Iterator<Item = (Direction, Condition)> {
        self.conditions.iter().map(|(direction, condition)| (*direction, *condition.borrow()))
    }
}

/// What a proxy knows.
struct Way {
    target: SocketAddr,
    there: watch::Receiver<Condition>,
    back: watch::Receiver<Condition>,
}

async fn accept(listener: TcpListener, way: Arc<Way>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(relay(stream, way.clone()))),
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// One connection, from its beginning to its end. A socket that fails ends it: both sides see that as they would without us.
async fn relay(dialler: TcpStream, way: Arc<Way>) {
    let (mut there, mut back) = (way.there.clone(), way.back.clone());
    let both_open = async {
        while there.borrow().cut || back.borrow().cut {
            tokio::select! {
                changed = there.changed() => changed?,
                changed = back.changed() => changed?,
            }
        }
        Ok::<(), watch::error::RecvError>(())
    };
    tokio::select! {
        open = both_open => if open.is_err() { return },
        // Whoever gives up while nothing gets through is forgotten.
        () = gone(&dialler) => return,
    }
    let Ok(target) = TcpStream::connect(way.target).await else { return };
    if dialler.set_nodelay(true).is_err() || target.set_nodelay(true).is_err() {
        return;
    }
    let (dialler_read, dialler_write) = dialler.into_split();
    let (target_read, target_write) = target.into_split();
    tokio::join!(
        flow(dialler_read, target_write, way.there.clone()),
        flow(target_read, dialler_write, way.back.clone())
    );
}

/// Ends when the other side has closed its socket, whether or not it has said something before.
async fn gone(stream: &TcpStream) {
    while let Ok(ready) = stream.ready(Interest::READABLE).await
        && !ready.is_read_closed()
    {
        // It has something to say, and there is no waiting for what comes after that: look again in a while.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// One direction: what is read goes on its way, and is written when its time has come and the way is free.
async fn flow(read: OwnedReadHalf, write: OwnedWriteHalf, condition: watch::Receiver<Condition>) {
    let (sender, receiver) = mpsc::channel(CHUNKS_MAX);
    tokio::join!(send_off(read, sender, condition.clone()), arrive(write, receiver, condition));
}

async fn send_off(
    mut read: OwnedReadHalf,
    sender: mpsc::Sender<(Instant, Vec<u8>)>,
    condition: watch::Receiver<Condition>,
) {
    loop {
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        match read.read_buf(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let due = Instant::now() + condition.borrow().delay;
        if sender.send((due, chunk)).await.is_err() {
            return;
        }
    }
}

async fn arrive(
    mut write: OwnedWriteHalf,
    mut receiver: mpsc::Receiver<(Instant, Vec<u8>)>,
    mut condition: watch::Receiver<Condition>,
) {
    while let Some((due, chunk)) = receiver.recv().await {
        if due > Instant::now() {
            tokio::time::sleep_until(due).await;
        }
        if condition.wait_for(|condition| !condition.cut).await.is_err() || write.write_all(&chunk).await.is_err() {
            break;
        }
    }
    // The end, too, gets through only when something does.
    let _ = condition.wait_for(|condition| !condition.cut).await;
    let _ = write.shutdown().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Longer than anything takes here.
    const PATIENCE: Duration = Duration::from_secs(30);

    /// Two nodes that listen, and their links.
    async fn two() -> (TcpListener, TcpListener, Links) {
        let one = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let two = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let nodes = BTreeMap::from([(1, one.local_addr().unwrap()), (2, two.local_addr().unwrap())]);
        let links = Links::open(&nodes).await.unwrap();
        (one, two, links)
    }

    async fn dial(links: &Links, from: i32) -> TcpStream {
        let (_, address) = links.addresses_of(from).next().unwrap();
        TcpStream::connect(address).await.unwrap()
    }

    async fn read(stream: &mut TcpStream) -> u8 {
        tokio::time::timeout(PATIENCE, stream.read_u8()).await.expect("it arrives").unwrap()
    }

    #[tokio::test]
    async fn a_cut_direction_holds_what_is_sent_until_it_is_healed() {
        let (_one, two, links) = two().await;
        let mut near = dial(&links, 1).await;
        let (mut far, _) = two.accept().await.unwrap();
        assert!(links.set((1, 2), |condition| condition.cut = true));
        assert!(!links.set((1, 2), |condition| condition.cut = true), "it is cut already");
        near.write_u8(7).await.unwrap();
        // The other direction is open: what comes this way shows that time has passed.
        far.write_u8(9).await.unwrap();
        assert_eq!(read(&mut near).await, 9);
        let early = tokio::time::timeout(Duration::from_millis(50), far.read_u8()).await;
        assert!(early.is_err(), "nothing gets through");
        links.set((1, 2), |condition| condition.cut = false);
        assert_eq!(read(&mut far).await, 7);
    }

    #[tokio::test]
    async fn a_new_connection_needs_both_directions() {
        let (_one, two, links) = two().await;
        links.set((2, 1), |condition| condition.cut = true);
        let mut near = dial(&links, 1).await;
        near.write_u8(1).await.unwrap();
        assert!(tokio::time::timeout(Duration::from_millis(50), two.accept()).await.is_err());
        links.set((2, 1), |condition| condition.cut = false);
        let (mut far, _) = tokio::time::timeout(PATIENCE, two.accept()).await.unwrap().unwrap();
        assert_eq!(read(&mut far).await, 1);
    }

    #[tokio::test]
    async fn a_delay_is_that_of_each_message_and_not_their_sum() {
        let (_one, two, links) = two().await;
        let mut near = dial(&links, 1).await;
        let (mut far, _) = two.accept().await.unwrap();
        let delay = Duration::from_millis(80);
        links.set((1, 2), |condition| condition.delay = delay);
        let began = Instant::now();
        for number in 0..10 {
            near.write_u8(number).await.unwrap();
            tokio::task::yield_now().await;
        }
        for number in 0..10 {
            assert_eq!(read(&mut far).await, number);
        }
        let took = began.elapsed();
        assert!(took >= delay && took < delay * 8, "{took:?}");
    }

    #[tokio::test]
    async fn the_end_of_a_connection_gets_through() {
        let (_one, two, links) = two().await;
        let near = dial(&links, 1).await;
        let (mut far, _) = two.accept().await.unwrap();
        drop(near);
        let mut rest = Vec::new();
        assert_eq!(tokio::time::timeout(PATIENCE, far.read_to_end(&mut rest)).await.unwrap().unwrap(), 0);
    }

    #[tokio::test]
    async fn an_address_where_nobody_listens_ends_the_connection() {
        let (_one, two, links) = two().await;
        drop(two);
        let mut near = dial(&links, 1).await;
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(PATIENCE, near.read_to_end(&mut rest)).await.unwrap();
        assert!(ended.is_err() || rest.is_empty());
    }
}
