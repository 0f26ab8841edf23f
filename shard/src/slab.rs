//! A slab with generations: dense storage for connections, and names for them that never reach a later one.
//!
//! Entries live in chunks of [`CHUNK`] that are allocated when first needed and never move, so that growth copies
//! nothing and memory rises with the entries, page by page. A [`Key`] is an index and the generation of its
//! entry; the generation goes up when an entry is vacated, so a stale key finds nothing. After 2³² re-uses of the
//! same entry a generation comes round again: at 100,000 re-uses of one entry a second, half a day later.

/// Entries in one chunk: 24 KiB at 24 bytes each.
const CHUNK: usize = 1024;

/// How many bits of an index the rest of the system may rely on: a shard holds at most 2²⁰ connections.
pub const INDEX_BITS: u32 = 20;

/// The most entries one slab takes; [`Slab::insert`] hands the value back beyond it.
pub const ENTRIES_MAX: usize = 1 << INDEX_BITS;

/// The name of an entry: an index and the generation it is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    /// Below [`ENTRIES_MAX`].
    pub index: u32,
    /// Never 0 for a live entry.
    pub generation: u32,
}

#[derive(Debug)]
enum Content<T> {
    Vacant { next: u32 },
    Occupied(T),
}

#[derive(Debug)]
struct Entry<T> {
    generation: u32,
    content: Content<T>,
}

/// No vacant entry follows.
const NONE: u32 = u32::MAX;

/// See the module's documentation.
#[derive(Debug)]
pub struct Slab<T> {
    chunks: Vec<Vec<Entry<T>>>,
    vacant: u32,
    occupied: usize,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), vacant: NONE, occupied: 0 }
    }
}

impl<T> Slab<T> {
    /// Bytes that one entry takes, generation included.
    pub const ENTRY_BYTES: usize = size_of::<Entry<T>>();

    /// How many entries are occupied.
    pub fn len(&self) -> usize {
        self.occupied
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.occupied == 0
    }

    /// Chunks allocated; they stay until the slab goes.
    pub fn chunks(&self) -> usize {
        self.chunks.len()
    }

    /// Bytes of memory that the chunks take, entries to come included.
    pub fn memory_bytes(&self) -> usize {
        self.chunks.len() * CHUNK * Self::ENTRY_BYTES
    }

    /// The index behind the last entry that was ever occupied.
    pub fn indices(&self) -> u32 {
        let full = self.chunks.len().saturating_sub(1) * CHUNK;
        (full + self.chunks.last().map_or(0, Vec::len)) as u32
    }

    /// Stores a value under a key that no value had before.
    ///
    /// # Errors
    /// Hands the value back when [`ENTRIES_MAX`] are occupied.
    pub fn insert(&mut self, value: T) -> Result<Key, T> {
        if self.vacant != NONE {
            let index = self.vacant;
            let entry = &mut self.chunks[index as usize / CHUNK][index as usize % CHUNK];
            let Content::Vacant { next } = entry.content else {
                unreachable!("the vacant list holds vacant entries")
            };
            self.vacant = next;
            self.occupied += 1;
            entry.content = Content::Occupied(value);
            return Ok(Key { index, generation: entry.generation });
        }
        if self.occupied == ENTRIES_MAX {
            return Err(value);
        }
        // Nothing is vacant, so the entries are dense and the next index is their number.
        if self.occupied.is_multiple_of(CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        let index = self.occupied as u32;
        let chunk = self.chunks.last_mut().expect("a chunk was pushed for the first entry");
        chunk.push(Entry { generation: 1, content: Content::Occupied(value) });
        self.occupied += 1;
        Ok(Key { index, generation: 1 })
    }

    fn entry(&self, index: u32) -> Option<&Entry<T>> {
        self.chunks.get(index as usize / CHUNK)?.get(index as usize % CHUNK)
    }

    /// The value under `key`, unless it has been removed.
    pub fn get(&self, key: Key) -> Option<&T> {
        match self.entry(key.index)? {
            Entry { generation, content: Content::Occupied(value) } if *generation == key.generation => {
                Some(value)
            }
            _ => None,
        }
    }

    /// As [`get`](Self::get), to change it.
    pub fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let entry = self.chunks.get_mut(key.index as usize / CHUNK)?.get_mut(key.index as usize % CHUNK)?;
        match entry {
            Entry { generation, content: Content::Occupied(value) } if *generation == key.generation => {
                Some(value)
            }
            _ => None,
        }
    }

    /// The key of whatever occupies `index` now.
    pub fn key_at(&self, index: u32) -> Option<Key> {
        match self.entry(index)? {
            Entry { generation, content: Content::Occupied(_) } => {
                Some(Key { index, generation: *generation })
            }
            Entry { .. } => None,
        }
    }

    /// Takes the value out; `key` and every copy of it are stale from now on.
    pub fn remove(&mut self, key: Key) -> Option<T> {
        self.get(key)?;
        let entry = &mut self.chunks[key.index as usize / CHUNK][key.index as usize % CHUNK];
        let content = std::mem::replace(&mut entry.content, Content::Vacant { next: self.vacant });
        entry.generation = entry.generation.checked_add(1).unwrap_or(1);
        self.vacant = key.index;
        self.occupied -= 1;
        match content {
            Content::Occupied(value) => Some(value),
            Content::Vacant { .. } => unreachable!("get() found it occupied"),
        }
    }

    /// The keys of all occupied entries, in order of index.
    pub fn keys(&self) -> impl Iterator<Item = Key> + '_ {
        (0..self.indices()).filter_map(|index| self.key_at(index))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_stale_key_never_reaches_the_next_occupant() {
        let mut slab = Slab::default();
        let first = slab.insert("first").unwrap();
        assert_eq!(slab.remove(first), Some("first"));
        let second = slab.insert("second").unwrap();
        assert_eq!(first.index, second.index, "the entry is used again");
        assert_eq!(slab.get(first), None);
        assert_eq!(slab.remove(first), None);
        assert_eq!(slab.get(second), Some(&"second"));
    }

    #[test]
    fn a_descriptor_makes_room_for_the_vacant_link() {
        assert_eq!(Slab::<(std::os::fd::OwnedFd, u32)>::ENTRY_BYTES, 12);
    }

    proptest! {
        #[test]
        fn behaves_as_a_map(steps in prop::collection::vec((any::<bool>(), any::<u16>()), 1..4000)) {
            let mut slab = Slab::default();
            let mut model: HashMap<Key, u16> = HashMap::new();
            let mut retired: Vec<Key> = Vec::new();
            for (insert, number) in steps {
                if insert || model.is_empty() {
                    let key = slab.insert(number).unwrap();
                    prop_assert!(model.insert(key, number).is_none());
                } else {
                    let key = *model.keys().nth(number as usize % model.len()).unwrap();
                    prop_assert_eq!(slab.remove(key), model.remove(&key));
                    retired.push(key);
                }
            }
            prop_assert_eq!(slab.len(), model.len());
            prop_assert_eq!(slab.keys().count(), model.len());
            for (key, number) in &model {
                prop_assert_eq!(slab.get(*key), Some(number));
            }
            for key in retired {
                prop_assert_eq!(slab.get(key), None);
            }
        }
    }
}
