//! Descriptor tables: how many descriptors one may hold, and how a thread gets a table of its own.

use std::cell::Cell;
use std::io;
use std::marker::PhantomData;

use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

thread_local! {
    /// The pool whose table split this thread took part in; `None` on threads that keep the process's main table.
    static SPLIT_FOR: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Proof that the current thread has a descriptor table of its own.
///
/// Whatever opens a descriptor for a shard asks for it, so that no socket is opened in the main table, where
/// every table split off later would hold a copy of it and keep it open after its owner closed it.
#[derive(Debug)]
pub struct PrivateTable {
    /// `*const ()` makes the proof `!Send`: it is true of one thread only.
    not_send: PhantomData<*const ()>,
}

impl PrivateTable {
    /// Splits the calling thread off the process's table. What was open stays open, under the same numbers, in both.
    ///
    /// # Errors
    /// What the kernel says to `unshare(CLONE_FILES)`; it needs no privilege and fails only for want of memory.
    pub(crate) fn split(pool: u64) -> io::Result<Self> {
        unshare(CloneFlags::CLONE_FILES)?;
        SPLIT_FOR.set(Some(pool));
        Ok(Self { not_send: PhantomData })
    }

    /// Descriptors open in this thread's table now, counted in `/proc/thread-self/fd` (which costs time in
    /// proportion: for use before the connections come).
    ///
    /// # Errors
    /// When `/proc` is not mounted.
    pub fn open_count(&self) -> io::Result<usize> {
        // One of the entries is the directory being read.
        Ok(std::fs::read_dir("/proc/thread-self/fd")?.count().saturating_sub(1))
    }
}

/// Whether `pool`'s eventfds exist in the calling thread's table. In another pool's tables their numbers may name
/// a stranger's socket.
pub(crate) fn may_wake(pool: u64) -> bool {
    SPLIT_FOR.get().is_none_or(|split_for| split_for == pool)
}

/// Panics where `pool` may not be woken from. Only a bug can get here.
pub(crate) fn assert_may_wake(pool: u64) {
    assert!(
        may_wake(pool),
        "a shard of pool {:?} tried to wake pool {pool}: descriptors of one table mean nothing in another",
        SPLIT_FOR.get()
    );
}

/// Raises this process's soft limit on descriptors to the hard one, which needs no privilege, and returns how
/// many descriptors one table may hold from now on.
///
/// # Errors
/// When the limit can be neither raised nor read.
pub fn raise_limit() -> io::Result<usize> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    Ok(usize::try_from(hard).unwrap_or(usize::MAX))
}
