//! The ledger: where a connection's bytes go, and how many nobody can explain.
//!
//! Each reading of the ramp holds every kind of memory at one moment. A kind's bytes per connection are the slope of
//! its series over the connections, by [`fit`](telemetry::fit); since all series have the same points, slopes add up as
//! the bytes do:
//!
//! ```text
//!   total = user space of both ends + what the kernel has taken (memory neither free, nor page cache, nor a process's)
//!   total = server + generator + each kind of slab object + page tables, stacks, per-CPU + remainder
//! ```
//!
//! The total is made from what has left the free pool and not from its parts, so that the **remainder** is measured. It
//! is bytes that the kernel took and no line of `/proc/meminfo` owns up to, and the noise of all the others.
//!
//! **A pair and its ends.** With server and generator on one machine, the readings are of pairs. Sockets, inodes,
//! files, dentries, registrations and security blobs are alike at both ends, so that the server's end has half of
//! each; its accepted sockets share the listener's bind bucket, so that all growth of those is the generator's. What
//! else there is cannot be told apart by end, and is null there. With one end here, that one is measured.
//!
//! **Socket buffers** stand beside the sum and not in it. `sockstat` tells what TCP has charged for, in pages for each
//! socket and with up to a megabyte a core in advance; the memory itself is slab objects (`kernel_skbuff_bytes`, and
//! `kmalloc-N` in the others). Measured: as 59 KB of charges a connection went, all other kinds together were within
//! 0.2 % of the total. In the sum they would have made a remainder of 59 KB that is not there.
//!
//! **Strangers.** Whatever opens or closes sockets meanwhile is in these figures. The sockets of this network namespace
//! are counted too, and when they are not one for each end of a connection, the note says so.

mod side;

use serde_json::{Value, json};
use telemetry::fit::{self, Slope};

use side::Side;

/// How far the number of sockets may be from that of the connections' ends before it is a stranger's doing.
const STRANGERS_SHARE: f64 = 0.02;

/// A kind of memory. The order is that of every list of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    ServerUser,
    GeneratorUser,
    Tcp,
    SockInode,
    File,
    Dentry,
    Epoll,
    Bind,
    Security,
    Timewait,
    Skbuff,
    /// All slab memory that is in none of the kinds above: `kmalloc-N`, blocks too large for a cache (descriptor
    /// tables), and whatever else the machine is doing.
    SlabOther,
    /// Page tables, kernel stacks, per-CPU areas.
    KernelOther,
    /// Charged, not held: beside the sum.
    SocketBuffers,
}

/// How many kinds there are.
pub(crate) const KINDS: usize = Kind::SocketBuffers as usize + 1;

/// Every kind with its key in the summary, which [`crate::summary_keys`] documents.
const KEYS: [(Kind, &str); KINDS] = [
    (Kind::ServerUser, "server_user_bytes"),
    (Kind::GeneratorUser, "generator_user_bytes"),
    (Kind::Tcp, "kernel_tcp_bytes"),
    (Kind::SockInode, "kernel_sock_inode_bytes"),
    (Kind::File, "kernel_file_bytes"),
    (Kind::Dentry, "kernel_dentry_bytes"),
    (Kind::Epoll, "kernel_epoll_bytes"),
    (Kind::Bind, "kernel_bind_bytes"),
    (Kind::Security, "kernel_security_bytes"),
    (Kind::Timewait, "kernel_timewait_bytes"),
    (Kind::Skbuff, "kernel_skbuff_bytes"),
    (Kind::SlabOther, "kernel_slab_other_bytes"),
    (Kind::KernelOther, "kernel_other_bytes"),
    (Kind::SocketBuffers, "socket_buffer_bytes"),
];

/// The kinds that both ends have alike.
const ALIKE: [Kind; 6] = [Kind::Tcp, Kind::SockInode, Kind::File, Kind::Dentry, Kind::Epoll, Kind::Security];

/// All memory at one moment of the ramp, in bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Reading {
    pub(crate) mono_us: u64,
    /// What the kernel has taken, named or not.
    pub(crate) kernel: Option<f64>,
    /// All slab memory; each kind of it besides, when slabinfo may be read.
    pub(crate) slab: Option<f64>,
    /// TCP sockets in this network namespace, whoever's.
    pub(crate) sockets: Option<f64>,
    pub(crate) kinds: [Option<f64>; KINDS],
}

/// See the module's documentation.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Ledger {
    /// How many ends of a connection the readings are of.
    ends: u64,
    /// Why the kernel's objects are not told apart.
    unread: Option<String>,
    /// Sockets that came with each connection: one for each end, unless there are strangers.
    sockets: Option<f64>,
    points: usize,
    /// With both ends here.
    pair: Option<Side>,
    /// The server's half of a pair.
    server: Option<Side>,
    /// With one end here: the generator's, whose server is elsewhere.
    generator: Option<Side>,
}

impl Ledger {
    /// Draws it up from readings, each with the connections there were; `unread` says why slabinfo was not read.
    pub(crate) fn draw(readings: &[(f64, Reading)], ends: u64, unread: Option<&str>) -> Self {
        let series = Series::of(readings);
        let (pair, server, generator) = match ends {
            2 => (series.measured(&[Kind::ServerUser, Kind::GeneratorUser]), series.server_end(), None),
            _ => (None, None, series.measured(&[Kind::GeneratorUser])),
        };
        let unread = unread.map(str::to_owned);
        let sockets = series.slope(|reading| reading.sockets.unwrap_or(f64::NAN)).map(|slope| slope.slope);
        Self { ends, unread, sockets, points: series.readings.len(), pair, server, generator }
    }

    /// `memory.ledger` of the summary.
    pub(crate) fn to_json(&self) -> Value {
        let side = |side: &Option<Side>| side.as_ref().map(Side::to_json);
        json!({
            "ends": self.ends,
            "points": self.points,
            "slab_read": if self.unread.is_some() { Some(false) } else { (self.points > 0).then_some(true) },
            "note": self.note(),
            "pair": side(&self.pair),
            "server": side(&self.server),
            "generator": side(&self.generator),
        })
    }
}

impl Ledger {
    /// What a reader has to know before he believes the figures.
    fn note(&self) -> Option<String> {
        let strangers = self.sockets.and_then(|sockets| {
            let ends = self.ends as f64;
            if (sockets - ends).abs() <= ends * STRANGERS_SHARE {
                return None;
            }
            if self.ends == 1 && (sockets - 2.0).abs() <= 2.0 * STRANGERS_SHARE {
                return Some(
                    "both ends seem to be here: give the server's pid to have its end told apart".to_owned(),
                );
            }
            Some(format!(
                "not to be trusted: with each connection came {sockets:.2} TCP sockets, not {ends}; \
                 run it while nothing else opens or closes connections here"
            ))
        });
        let notes: Vec<String> = self.unread.clone().into_iter().chain(strangers).collect();
        (!notes.is_empty()).then(|| notes.join("; "))
    }
}

/// The readings that can be compared.
struct Series {
    readings: Vec<(f64, Reading)>,
    /// The kinds that every one of them has. A kind that failed once is not had, so that all slopes have all points.
    had: Vec<Kind>,
}

impl Series {
    fn of(readings: &[(f64, Reading)]) -> Self {
        let whole = |reading: &Reading| reading.kernel.is_some() && reading.slab.is_some();
        let readings: Vec<_> = readings.iter().filter(|(_, reading)| whole(reading)).copied().collect();
        let had = |kind: &Kind| readings.iter().all(|(_, reading)| reading.kind(*kind).is_some());
        let had = KEYS.iter().map(|(kind, _)| *kind).filter(had).collect();
        Self { readings, had }
    }

    fn has(&self, kind: Kind) -> bool {
        self.had.contains(&kind)
    }

    fn slope(&self, of: impl Fn(&Reading) -> f64) -> Option<Slope> {
        let points: Vec<_> = self.readings.iter().map(|(open, reading)| (*open, of(reading))).collect();
        fit::slope(&points)
    }

    /// What is here, with the user space of `users`; `None` when that or the total cannot be had.
    fn measured(&self, users: &[Kind]) -> Option<Side> {
        if !users.iter().all(|user| self.has(*user)) {
            return None;
        }
        let total = |reading: &Reading| reading.kernel.unwrap_or(f64::NAN) + reading.sum(users);
        let slab = |reading: &Reading| reading.slab.unwrap_or(f64::NAN);
        // Without its kinds, slab memory is explained as a whole.
        let parts: Vec<Kind> = self.had.iter().copied().filter(|kind| *kind != Kind::SocketBuffers).collect();
        let split = self.has(Kind::SlabOther);
        let unsplit = |reading: &Reading| if split { 0.0 } else { slab(reading) };
        let mut side = Side {
            slab: self.slope(slab).map(|slope| slope.slope),
            total: Some(self.slope(total)?),
            remainder: self.slope(|reading| total(reading) - reading.sum(&parts) - unsplit(reading)),
            ..Side::default()
        };
        for kind in &self.had {
            side.kinds[*kind as usize] = self.slope(|reading| reading.sum(&[*kind])).map(|slope| slope.slope);
        }
        Some(side)
    }

    /// Half of what both ends have alike, and all of the server's user space.
    fn server_end(&self) -> Option<Side> {
        let alike: Vec<Kind> = ALIKE.into_iter().filter(|kind| self.has(*kind)).collect();
        let mut side = Side::default();
        if self.has(Kind::ServerUser) {
            let user = |reading: &Reading| reading.sum(&[Kind::ServerUser]);
            side.kinds[Kind::ServerUser as usize] = Some(self.slope(user)?.slope);
            if !alike.is_empty() {
                side.total = self.slope(|reading| user(reading) + reading.sum(&alike) / 2.0);
            }
        }
        for kind in &alike {
            let half = |reading: &Reading| reading.sum(&[*kind]) / 2.0;
            side.kinds[*kind as usize] = self.slope(half).map(|slope| slope.slope);
        }
        Some(side)
    }
}

impl Reading {
    pub(crate) fn kind(&self, kind: Kind) -> Option<f64> {
        self.kinds[kind as usize]
    }

    /// The sum of kinds that are there.
    fn sum(&self, kinds: &[Kind]) -> f64 {
        kinds.iter().filter_map(|kind| self.kind(*kind)).sum()
    }
}

#[cfg(test)]
mod tests;
