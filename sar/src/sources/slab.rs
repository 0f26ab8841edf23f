//! The kernel's small objects, told apart: what a socket is made of, from `/proc/slabinfo` (mode 0400: root only).
//!
//! | name | caches |
//! |---|---|
//! | `host.slab_tcp_bytes` | `TCP`, `TCPv6`: the sockets themselves |
//! | `host.slab_sock_inode_bytes` | `sock_inode_cache` |
//! | `host.slab_file_bytes` | `filp`, a socket's open file |
//! | `host.slab_dentry_bytes` | `dentry`: one for each socket, and those of every path that anyone looks up |
//! | `host.slab_epoll_bytes` | `eventpoll_epi`, `eventpoll_pwq`, `ep_head`: a socket's registration with epoll |
//! | `host.slab_bind_bytes` | `tcp_bind_bucket`, `tcp_bind2_bucket`: local ports in use |
//! | `host.slab_security_bytes` | `lsm_file_cache`, `lsm_inode_cache`: what security modules hang on each |
//! | `host.slab_timewait_bytes` | `tw_sock_TCP`, `request_sock_TCP` and their like for IPv6: half-open, half-closed |
//! | `host.slab_skbuff_bytes` | `skbuff_head_cache`, `skbuff_small_head`, `skbuff_fclone_cache`: packets held |
//! | `host.slab_other_bytes` | every other cache: `kmalloc-N`, and whatever else this machine is doing meanwhile |
//!
//! Bytes are whole slabs, `num_slabs` × `pagesperslab` × the page size: real memory, its unused corners included.
//!
//! **Merged caches.** The kernel lays caches of equal size and kind together and shows them under one name, which may
//! be a stranger's (`eventpoll_pwq` under `anon_vma_chain`). `/sys/kernel/slab` says which. Such a cache counts for
//! the group of the table that lies in it, with what it held before as a constant; one that lies with a `kmalloc-N`
//! is among the others, since that holds anything. Where bind buckets lie with `eventpoll_epi`, the objects in use are
//! split by the number of registrations, which `ep_head` and `eventpoll_pwq` count too: each at worst too high, so
//! that the least is taken. The unused rest of that cache's slabs is among the others.
//!
//! **Half-empty slabs.** Objects that find room in a slab that is there already cost no new memory, and do not show. So
//! a cache's growth over few connections is less than their objects after many others have closed.
//!
//! **Cost.** 1.5 to 5.5 ms (medians on a busy 2-core virtual machine with 200,000 sockets, 25 KB a reading), a hundred
//! times `/proc/meminfo`: the more half-empty slabs the kernel has to count, the more. So it is no part of
//! [`Sampler::host`](crate::Sampler::host); whoever wants it asks for it, and seldom.

mod caches;

use std::collections::BTreeMap;
use std::path::Path;

use telemetry::{Kind, Meaning};

use crate::{ProcFile, SarError, Source, Values};
use caches::{Caches, Place};

/// What the caches hold together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    Tcp,
    SockInode,
    File,
    Dentry,
    Epoll,
    Bind,
    Security,
    Timewait,
    Skbuff,
    Other,
}

/// The names of the values, in the order of [`Group`].
const NAMES: [&str; 10] = [
    "host.slab_tcp_bytes",
    "host.slab_sock_inode_bytes",
    "host.slab_file_bytes",
    "host.slab_dentry_bytes",
    "host.slab_epoll_bytes",
    "host.slab_bind_bytes",
    "host.slab_security_bytes",
    "host.slab_timewait_bytes",
    "host.slab_skbuff_bytes",
    "host.slab_other_bytes",
];

/// The kernel's small objects.
#[derive(Debug)]
pub struct Slab {
    slabinfo: ProcFile,
    caches: Caches,
    page_bytes: u64,
}

impl Slab {
    /// Opens `/proc/slabinfo`, and learns from `/sys/kernel/slab` which caches lie together.
    ///
    /// # Errors
    /// [`SarError::Read`] when it may not be read, which is so for anyone but root; [`SarError::Format`].
    pub fn open() -> Result<Slab, SarError> {
        Slab::open_at("/proc/slabinfo", "/sys/kernel/slab")
    }

    /// As [`open`](Self::open), from other places: for tests, and for a host's files mounted into a container.
    ///
    /// # Errors
    /// The same.
    pub fn open_at(slabinfo: impl AsRef<Path>, aliases: impl AsRef<Path>) -> Result<Slab, SarError> {
        let mut slabinfo = ProcFile::open(slabinfo)?;
        let rows = rows(slabinfo.text()?).map(|rows| rows.iter().map(|row| row.name.to_owned()).collect());
        let names: Vec<String> = rows.map_err(|missing| slabinfo.format_error(missing))?;
        let caches = Caches::new(&names, aliases.as_ref());
        Ok(Slab { slabinfo, caches, page_bytes: crate::sources::process::page_bytes() })
    }
}

impl Source for Slab {
    fn sample(&mut self, out: &mut Values) -> Result<(), SarError> {
        match rows(self.slabinfo.text()?) {
            Ok(rows) => put(&rows, &self.caches, self.page_bytes, out),
            Err(missing) => return Err(self.slabinfo.format_error(missing)),
        }
        Ok(())
    }

    fn meanings(&self, out: &mut BTreeMap<String, Meaning>) {
        for name in NAMES {
            let objects = name.trim_start_matches("host.slab_").trim_end_matches("_bytes");
            let help = format!("The kernel's small objects of the kind '{objects}', whole slabs.");
            out.insert(name.to_owned(), Meaning { kind: Kind::Gauge, help });
        }
    }
}

/// One cache.
#[derive(Debug, PartialEq)]
struct Row<'a> {
    name: &'a str,
    /// Objects in use. The kernel takes a slab that a core is filling for a full one.
    in_use: u64,
    /// Objects that fit a slab.
    per_slab: u64,
    pages: u64,
    pages_per_slab: u64,
}

/// All of them, or what is missing. A line that cannot be read spoils every sum, so that it spoils the reading.
fn rows(text: &str) -> Result<Vec<Row<'_>>, &'static str> {
    let mut lines = text.lines();
    let version = lines.next().and_then(|line| line.strip_prefix("slabinfo - version: "));
    if !version.is_some_and(|version| version.starts_with("2.")) {
        return Err("'slabinfo - version: 2'");
    }
    let rows: Option<Vec<Row<'_>>> = lines.filter(|line| !line.starts_with('#')).map(row).collect();
    rows.filter(|rows| !rows.is_empty()).ok_or("whole line of a cache")
}

/// `TCP  92 143 2368 13 8 : tunables 0 0 0 : slabdata 11 11 0`, read from its end: a name may have spaces in it.
fn row(line: &str) -> Option<Row<'_>> {
    let (cache, rest) = line.split_once(" : tunables")?;
    let mut slabdata = rest.split_once(": slabdata")?.1.split_ascii_whitespace();
    let slabs: u64 = slabdata.nth(1)?.parse().ok()?;
    // The last figure is of no use, but without it the line is torn, and the one before it may be half a number.
    slabdata.next()?;
    let mut name = cache;
    let mut number = || {
        let (before, word) = name.trim_ascii_end().rsplit_once(|c: char| c.is_ascii_whitespace())?;
        name = before.trim_ascii_end();
        word.parse::<u64>().ok()
    };
    let (pages_per_slab, per_slab, _size, _objects, in_use) =
        (number()?, number()?, number()?, number()?, number()?);
    Some(Row { name, in_use, per_slab, pages: slabs.checked_mul(pages_per_slab)?, pages_per_slab })
}

fn put(rows: &[Row<'_>], caches: &Caches, page_bytes: u64, out: &mut Values) {
    let mut pages: [Option<f64>; NAMES.len()] = [None; NAMES.len()];
    let mut add = |group: Group, more: f64| *pages[group as usize].get_or_insert(0.0) += more;
    let mut shared = None;
    let mut registrations: Option<u64> = None;
    for row in rows {
        match caches.place(row.name) {
            Place::Of(group) => add(group, row.pages as f64),
            Place::OfEpollAndBind => shared = Some(row),
        }
        if caches.counts_registrations(row.name) {
            registrations = Some(registrations.map_or(row.in_use, |least| least.min(row.in_use)));
        }
    }
    if let Some(row) = shared {
        // By objects, since the two fill each other's half-empty slabs; the rest of the slabs is nobody's.
        let pages_each = row.pages_per_slab as f64 / row.per_slab.max(1) as f64;
        let epoll = registrations.unwrap_or(0).min(row.in_use);
        add(Group::Epoll, epoll as f64 * pages_each);
        add(Group::Bind, (row.in_use - epoll) as f64 * pages_each);
        add(Group::Other, row.pages as f64 - row.in_use as f64 * pages_each);
    }
    for (name, pages) in NAMES.into_iter().zip(pages) {
        out.push_some(name, pages.map(|pages| pages * page_bytes as f64));
    }
}

#[cfg(test)]
mod tests;
