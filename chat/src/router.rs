//! The router of one shard: who is logged in here, under which ids.
//!
//! One connection may hold several ids and one id several connections. The usual case, one of each, costs an entry
//! in the [`Directory`] and the id in the session; a second connection of an id makes a group, a second id of a
//! connection an entry in `further`.

use std::collections::HashMap;
use std::sync::Arc;

use shard::Key;

use crate::directory::{Directory, Local, Place};

/// Connections of this shard that share an id.
///
/// Sorted by slab index, so that one of a hundred thousand leaves without a search through all of them. Who has left
/// keeps the place, under no generation, until half of the places are such.
#[derive(Debug, Default)]
struct Group {
    id: u32,
    places: Vec<Key>,
    left: usize,
}

/// The generation of nobody.
const LEFT: u32 = 0;

impl Group {
    fn len(&self) -> usize {
        self.places.len() - self.left
    }

    fn members_from(&self, index: u32) -> impl Iterator<Item = Key> {
        let first = self.places.partition_point(|key| key.index < index);
        self.places[first..].iter().copied().filter(|key| key.generation != LEFT)
    }

    fn join(&mut self, member: Key) {
        match self.places.binary_search_by_key(&member.index, |key| key.index) {
            Ok(position) => {
                self.left -= usize::from(self.places[position].generation == LEFT);
                self.places[position] = member;
            }
            Err(position) => self.places.insert(position, member),
        }
    }

    fn leave(&mut self, member: Key) {
        let Ok(position) = self.places.binary_search_by_key(&member.index, |key| key.index) else { return };
        if self.places[position] != member {
            return;
        }
        self.places[position].generation = LEFT;
        self.left += 1;
        if self.left * 2 > self.places.len() {
            self.places.retain(|key| key.generation != LEFT);
            self.places.shrink_to(self.places.len() * 2);
            self.left = 0;
        }
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Router {
    shard: u16,
    directory: Arc<Directory>,
    groups: Vec<Group>,
    vacant: Vec<u32>,
    /// The ids of a connection after its first.
    further: HashMap<Key, Vec<u32>>,
}

/// Groups that are measured; the others are taken to be like them.
const MEASURED_MAX: usize = 512;

/// The most ids one connection may hold; a login beyond it is refused.
pub(crate) const IDS_MAX: usize = 64;

impl Router {
    pub(crate) fn new(shard: usize, directory: Arc<Directory>) -> Self {
        let shard = u16::try_from(shard).expect("a pool has at most SHARDS_MAX shards");
        Self { shard, directory, groups: Vec::new(), vacant: Vec::new(), further: HashMap::new() }
    }

    /// Where messages to `id` have to go, on all shards.
    pub(crate) fn places(&self, id: u32, found: impl FnMut(Place)) {
        self.directory.places(id, found);
    }

    /// Logs `connection` in under `id`; `first` is the id it holds already, if any. `key_at`: names the connection
    /// at a slab index. `false` when it holds [`IDS_MAX`] ids or this very one already.
    pub(crate) fn login(
        &mut self,
        id: u32,
        connection: Key,
        first: Option<u32>,
        mut key_at: impl FnMut(u32) -> Option<Key>,
    ) -> bool {
        if let Some(first) = first {
            let further = self.further.entry(connection).or_default();
            if first == id || further.contains(&id) || further.len() + 1 >= IDS_MAX {
                return false;
            }
            further.push(id);
        }
        let local = match self.directory.local(id, self.shard) {
            None => Local::One(connection.index),
            Some(Local::One(index)) => {
                // A logged-in connection is in the slab until it is logged out, unless it is being closed just now.
                let mut group = Group { id, ..Group::default() };
                key_at(index).into_iter().chain([connection]).for_each(|member| group.join(member));
                let Some(number) = self.found_group(group) else {
                    self.forget_further(connection, id);
                    return false;
                };
                Local::Group(number)
            }
            Some(Local::Group(number)) => {
                self.groups[number as usize].join(connection);
                return true;
            }
        };
        self.directory.set(id, self.shard, Some(local));
        true
    }

    /// Logs `connection` out of `first` and of every further id it holds; returns how many they were.
    pub(crate) fn logout(&mut self, connection: Key, first: u32) -> usize {
        self.leave(connection, first);
        let further = self.further.remove(&connection).unwrap_or_default();
        further.iter().for_each(|&id| self.leave(connection, id));
        1 + further.len()
    }

    /// Whether `connection`, whose first id is `first`, holds `id`.
    pub(crate) fn holds(&self, connection: Key, first: u32, id: u32) -> bool {
        first == id || self.further.get(&connection).is_some_and(|ids| ids.contains(&id))
    }

    /// The ids that `connection` holds besides its first.
    pub(crate) fn further(&self, connection: Key) -> &[u32] {
        if self.further.is_empty() {
            return &[];
        }
        self.further.get(&connection).map_or(&[], Vec::as_slice)
    }

    /// Bytes of memory that groups and further ids take, by capacity; of many groups only some are measured.
    pub(crate) fn memory_bytes(&self) -> usize {
        let measured = self.groups.len().min(MEASURED_MAX);
        let places: usize = self.groups[..measured].iter().map(|group| group.places.capacity()).sum();
        let each = (places * size_of::<Key>()).checked_div(measured).unwrap_or(0);
        self.groups.capacity() * size_of::<Group>()
            + each * self.groups.len()
            + self.vacant.capacity() * size_of::<u32>()
            + self.further.capacity() * size_of::<(Key, Vec<u32>)>()
    }

    /// The members of a group from a slab index on, in that order, if it is still the group of `id`.
    pub(crate) fn members(&self, number: u32, id: u32, from: u32) -> Option<impl Iterator<Item = Key>> {
        let group = self.groups.get(number as usize)?;
        (group.id == id && group.len() > 0).then(|| group.members_from(from))
    }

    /// What this shard has for `id` now; for letters whose place has changed while they were under way.
    pub(crate) fn local(&self, id: u32) -> Option<Local> {
        self.directory.local(id, self.shard)
    }

    /// `None` when the directory has no number left for one more group.
    fn found_group(&mut self, group: Group) -> Option<u32> {
        if let Some(number) = self.vacant.pop() {
            self.groups[number as usize] = group;
            return Some(number);
        }
        if self.groups.len() >= shard::slab::ENTRIES_MAX {
            return None;
        }
        self.groups.push(group);
        Some(self.groups.len() as u32 - 1)
    }

    fn forget_further(&mut self, connection: Key, id: u32) {
        if let Some(further) = self.further.get_mut(&connection) {
            further.retain(|held| *held != id);
        }
    }

    fn leave(&mut self, connection: Key, id: u32) {
        match self.directory.local(id, self.shard) {
            Some(Local::One(index)) if index == connection.index => self.directory.set(id, self.shard, None),
            Some(Local::Group(number)) => {
                let group = &mut self.groups[number as usize];
                group.leave(connection);
                let (1, Some(last)) = (group.len(), group.members_from(0).next()) else { return };
                self.groups[number as usize] = Group::default();
                self.vacant.push(number);
                self.directory.set(id, self.shard, Some(Local::One(last.index)));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};

    use proptest::prelude::*;

    use super::*;

    fn key(index: u32) -> Key {
        Key { index, generation: 1 }
    }

    /// The connections that a message to `id` reaches.
    fn reached(router: &Router, id: u32) -> BTreeSet<u32> {
        match router.local(id) {
            None => BTreeSet::new(),
            Some(Local::One(index)) => BTreeSet::from([index]),
            Some(Local::Group(number)) => {
                router.members(number, id, 0).expect("the directory's group").map(|key| key.index).collect()
            }
        }
    }

    proptest! {
        /// Against the seed's two tables: pid → ids and id → pids, both many-valued.
        #[test]
        fn behaves_as_two_tables(steps in prop::collection::vec((0u32..12, prop::option::of(0u32..6)), 1..400)) {
            let mut router = Router::new(0, Arc::new(Directory::default()));
            let mut ids_of: HashMap<u32, Vec<u32>> = HashMap::new();
            for (connection, login) in steps {
                let ids = ids_of.entry(connection).or_default();
                match login {
                    Some(id) => {
                        let taken = router.login(id, key(connection), ids.first().copied(), |index| Some(key(index)));
                        prop_assert_eq!(taken, !ids.contains(&id));
                        if taken { ids.push(id); }
                    }
                    None => if let Some(&first) = ids.first() {
                        prop_assert_eq!(router.logout(key(connection), first), ids.len());
                        ids.clear();
                    }
                }
                for id in 0..6 {
                    let expected: BTreeSet<u32> =
                        ids_of.iter().filter(|(_, ids)| ids.contains(&id)).map(|(c, _)| *c).collect();
                    prop_assert_eq!(reached(&router, id), expected);
                }
            }
        }
    }
}
