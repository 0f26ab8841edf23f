//! Both ends of a connection in one thread.
//!
//! Each thread has a listener of its own and both ends of its connections. It connects some, accepts them at once,
//! answers, and reads the answers; it writes to some of its connections, chosen at random, and then waits with epoll
//! and reads. Nothing crosses from core to core and nobody is woken, which is what makes it fast; no server and
//! client in two processes can do with less.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use socket2::Socket;

use crate::board::{Board, Phase, Share};
use crate::sockets::{self, Events, Random};

/// The listener's own mark among the server ends' indices.
const LISTENER: u64 = u64::MAX;

/// Deliveries written before they are read.
const BATCH: usize = 32;

/// How long what was written may take to be ready. On loopback it is ready at once, save when the kernel puts it off.
const WAIT_MS: u8 = 5;

pub(crate) struct Pairs {
    listener: Socket,
    server_events: Events,
    client_events: Events,
    servers: Vec<Socket>,
    clients: Vec<Socket>,
    /// The batch in which each server end was last written to: no two deliveries may meet in one read.
    written: Vec<u32>,
    batch: u32,
}

/// A thread's life.
pub(crate) fn run(board: &Board, share: &Share) -> io::Result<()> {
    let mut pairs = Pairs::listen()?;
    let address = sockets::address_of(&pairs.listener)?;
    board.arrive_and_wait_for(Phase::Opening);
    let result = pairs.open(board, share, address).and_then(|()| pairs.deliver(board, share));
    pairs.clients.drain(..).for_each(sockets::reset);
    result
}

impl Pairs {
    fn listen() -> io::Result<Self> {
        let listener = sockets::listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let server_events = Events::new()?;
        server_events.add(&listener, LISTENER)?;
        Ok(Self {
            listener,
            server_events,
            client_events: Events::new()?,
            servers: Vec::new(),
            clients: Vec::new(),
            written: Vec::new(),
            batch: 0,
        })
    }

    /// Opens the thread's share, a few at a time.
    fn open(&mut self, board: &Board, share: &Share, address: SocketAddr) -> io::Result<()> {
        let mut answered = 0;
        while answered < share.connections && !board.is_enough() {
            let some = share.concurrency.min(share.connections - answered);
            for _ in 0..some {
                let number = share.first + self.clients.len();
                let client = sockets::connect(address, share.sources, number)?;
                self.client_events.add(&client, self.clients.len() as u64)?;
                self.clients.push(client);
            }
            while answered < self.clients.len() && !board.is_stopped() {
                self.serve()?;
                let clients = &self.clients;
                let ready = self.client_events.wait(WAIT_MS)?;
                answered += ready.filter(|index| sockets::is_answered(&clients[*index as usize])).count();
            }
            share.counters.opened(answered);
        }
        self.written = vec![0; self.servers.len()];
        Ok(())
    }

    /// The server's part of opening.
    fn serve(&mut self) -> io::Result<()> {
        for index in self.server_events.wait(0)? {
            if index != LISTENER {
                sockets::answer(&self.servers[index as usize]);
            }
        }
        while let Ok((socket, _)) = self.listener.accept() {
            self.server_events.add(&socket, self.servers.len() as u64)?;
            self.servers.push(socket);
        }
        for index in self.server_events.wait(0)? {
            if index != LISTENER {
                sockets::answer(&self.servers[index as usize]);
            }
        }
        Ok(())
    }

    fn deliver(&mut self, board: &Board, share: &Share) -> io::Result<()> {
        let mut random = Random::new(share.first + 1);
        let mut received = 0_u64;
        while !board.is_stopped() {
            if !board.is_delivering() || self.servers.is_empty() {
                board.rest();
                continue;
            }
            let mut under_way = self.write_batch(&mut random);
            while under_way > 0 && !board.is_stopped() {
                for index in self.client_events.wait(WAIT_MS)? {
                    if sockets::receive(&self.clients[index as usize]) > 0 {
                        under_way -= 1;
                        received += 1;
                    }
                }
            }
            share.counters.received(received);
        }
        Ok(())
    }

    /// Writes to connections at random, to each at most once; how many were written to.
    fn write_batch(&mut self, random: &mut Random) -> usize {
        self.batch += 1;
        let mut count = 0;
        // With half of the connections to choose from, drawing again is rare.
        for _ in 0..BATCH.min(self.servers.len().div_ceil(2)) {
            let mut index = random.below(self.servers.len());
            while self.written[index] == self.batch {
                index = random.below(self.servers.len());
            }
            self.written[index] = self.batch;
            count += usize::from(sockets::deliver(&self.servers[index]));
        }
        count
    }
}
