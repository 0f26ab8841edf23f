//! Which group a cache counts for, whatever name the kernel shows it under.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::Group;

/// The caches that are told apart. The first of a merged cache's groups wins, but for epoll and bind.
const CACHES: [(&str, Group); 19] = [
    ("TCP", Group::Tcp),
    ("TCPv6", Group::Tcp),
    ("sock_inode_cache", Group::SockInode),
    ("filp", Group::File),
    ("dentry", Group::Dentry),
    ("eventpoll_epi", Group::Epoll),
    ("eventpoll_pwq", Group::Epoll),
    ("ep_head", Group::Epoll),
    ("tcp_bind_bucket", Group::Bind),
    ("tcp_bind2_bucket", Group::Bind),
    ("lsm_file_cache", Group::Security),
    ("lsm_inode_cache", Group::Security),
    ("tw_sock_TCP", Group::Timewait),
    ("tw_sock_TCPv6", Group::Timewait),
    ("request_sock_TCP", Group::Timewait),
    ("request_sock_TCPv6", Group::Timewait),
    ("skbuff_head_cache", Group::Skbuff),
    ("skbuff_small_head", Group::Skbuff),
    ("skbuff_fclone_cache", Group::Skbuff),
];

/// Caches with one object for each registration with epoll.
const REGISTRATIONS: [&str; 2] = ["eventpoll_pwq", "ep_head"];

/// Where a cache's bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Of(Group),
    /// Registrations and bind buckets in one cache.
    OfEpollAndBind,
}

/// By the name that the kernel shows.
#[derive(Debug)]
pub(super) struct Caches {
    places: HashMap<String, Place>,
    registrations: Vec<String>,
}

impl Caches {
    /// `shown` are the names in slabinfo; `aliases` is a directory with a link for each name of a merged cache, all
    /// names of one cache to the same target.
    pub(super) fn new(shown: &[String], aliases: &Path) -> Caches {
        let target = |name: &str| std::fs::read_link(aliases.join(name)).ok();
        let targets: HashMap<PathBuf, &String> =
            shown.iter().filter_map(|name| Some((target(name)?, name))).collect();
        let shown_as = |name: &str| match target(name) {
            Some(target) => targets.get(&target).copied(),
            None => shown.iter().find(|shown| *shown == name),
        };
        let mut places = HashMap::new();
        for (name, group) in CACHES {
            let Some(shown) = shown_as(name).filter(|shown| !shown.starts_with("kmalloc")) else { continue };
            let place = places.entry(shown.clone()).or_insert(Place::Of(group));
            if *place == Place::Of(Group::Epoll) && group == Group::Bind {
                *place = Place::OfEpollAndBind;
            }
        }
        let registrations = REGISTRATIONS.into_iter().filter_map(shown_as).cloned().collect();
        Caches { places, registrations }
    }

    pub(super) fn place(&self, shown: &str) -> Place {
        self.places.get(shown).copied().unwrap_or(Place::Of(Group::Other))
    }

    pub(super) fn counts_registrations(&self, shown: &str) -> bool {
        self.registrations.iter().any(|name| name == shown)
    }
}
