//! The ends of a connection in different threads, as in any real server and client.
//!
//! Server threads share a port and write; client threads wait with epoll and read. The kernel moves each delivery
//! from core to core, and wakes whoever sleeps.

use std::io;
use std::sync::atomic::Ordering;

use socket2::Socket;

use crate::board::{Board, Phase, Share};
use crate::sockets::{self, Events, Random};

/// The listeners' own mark among the connections' indices.
const LISTENER: u64 = u64::MAX;

/// Listeners per server thread: the kernel cuts each one's backlog down to somaxconn.
const LISTENERS: usize = 4;

/// Deliveries written and not yet read, over all connections: as many as a server with bounded queues would allow.
const IN_FLIGHT_MAX: u64 = 8192;

/// Deliveries between two looks at the shared counters.
const BATCH: u64 = 128;

/// Connections begun before a client looks at what has come.
const OPENS_PER_TURN: usize = 64;

/// How long a thread waits for events before it looks whether all is over.
const WAIT_MS: u8 = 5;

/// A server thread's life.
pub(crate) fn serve(board: &Board, servers: usize, seed: usize, connections: usize) -> io::Result<()> {
    board.arrive_and_wait_for(Phase::Listening);
    let Some(address) = board.address.get() else { return Ok(()) };
    let mut events = Events::new()?;
    let mut listeners = Vec::new();
    for _ in 0..LISTENERS {
        let listener = sockets::listen(*address)?;
        events.add(&listener, LISTENER)?;
        listeners.push(listener);
    }
    board.arrive_and_wait_for(Phase::Opening);
    let mut sockets: Vec<Socket> = Vec::new();
    let mut random = Random::new(seed);
    // Half of few connections: otherwise most reads would find several deliveries.
    let in_flight_max = IN_FLIGHT_MAX.min(connections as u64 / 2).max(1);
    let batch = BATCH.min(in_flight_max / servers as u64 / 2).max(1);
    while !board.is_stopped() {
        if board.is_delivering() && !sockets.is_empty() {
            let under_way =
                board.sent.load(Ordering::Relaxed).saturating_sub(board.drained.load(Ordering::Relaxed));
            if under_way + batch * servers as u64 > in_flight_max {
                // The clients need the cores more.
                std::thread::yield_now();
                continue;
            }
            let sent = (0..batch).filter(|_| sockets::deliver(&sockets[random.below(sockets.len())])).count();
            board.sent.fetch_add(sent as u64, Ordering::Relaxed);
            continue;
        }
        let mut is_new = false;
        for index in events.wait(WAIT_MS)? {
            if index == LISTENER {
                is_new = true;
            } else {
                sockets::answer(&sockets[index as usize]);
            }
        }
        if is_new {
            for listener in &listeners {
                while let Ok((socket, _)) = listener.accept() {
                    events.add(&socket, sockets.len() as u64)?;
                    sockets.push(socket);
                }
            }
        }
    }
    Ok(())
}

/// A client thread's life.
pub(crate) fn connect(board: &Board, share: &Share) -> io::Result<()> {
    board.arrive_and_wait_for(Phase::Listening);
    board.arrive_and_wait_for(Phase::Opening);
    let Some(address) = board.address.get() else { return Ok(()) };
    let mut events = Events::new()?;
    let mut clients: Vec<Socket> = Vec::new();
    let mut answered = 0;
    while answered < share.connections && !board.is_enough() {
        let room = (share.concurrency + answered - clients.len()).min(share.connections - clients.len());
        for _ in 0..room.min(OPENS_PER_TURN) {
            let client = sockets::connect(*address, share.sources, share.first + clients.len())?;
            events.add(&client, clients.len() as u64)?;
            clients.push(client);
        }
        let wait = if room > OPENS_PER_TURN { 0 } else { WAIT_MS };
        answered +=
            events.wait(wait)?.filter(|index| sockets::is_answered(&clients[*index as usize])).count();
        share.counters.opened(answered);
    }
    let mut received = 0;
    while !board.is_stopped() {
        let (mut reads, mut deliveries) = (0, 0);
        for index in events.wait(WAIT_MS)? {
            let count = sockets::receive(&clients[index as usize]) as u64;
            reads += count.min(1);
            deliveries += count;
        }
        if reads > 0 {
            received += reads;
            board.drained.fetch_add(deliveries, Ordering::Relaxed);
            share.counters.received(received);
        }
    }
    clients.drain(..).for_each(sockets::reset);
    Ok(())
}
