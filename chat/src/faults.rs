//! Wrong deliveries on purpose, to see that the audit finds them. Compiled for tests only (feature `faults`).
//!
//! `FLOODMARK_FAULT=lose:100` spoils every hundredth copy on its way to a comet connection: `lose` forgets it,
//! `duplicate` sends it twice, `reorder` sends it after the connection's next one, `misroute` sends it to a
//! neighbour instead. The server's own counts go on as if nothing had happened.

use std::collections::HashMap;

use shard::Key;

/// The variable that switches a fault on.
pub const VARIABLE: &str = "FLOODMARK_FAULT";

#[derive(Debug, Clone, Copy)]
enum Kind {
    Lose,
    Duplicate,
    Reorder,
    Misroute,
}

/// What to spoil, and what is held back.
#[derive(Debug)]
pub(crate) struct Faults {
    kind: Kind,
    every: u64,
    seen: u64,
    held: HashMap<Key, Vec<u8>>,
    astray: Vec<(u32, Vec<u8>)>,
}

impl Faults {
    /// From the environment; `None` when the variable is not set.
    ///
    /// # Panics
    /// When it is set to something else than `kind:number`.
    pub(crate) fn from_environment() -> Option<Self> {
        let text = std::env::var(VARIABLE).ok()?;
        let (kind, every) = text.split_once(':').expect("FLOODMARK_FAULT is kind:number");
        let kind = match kind {
            "lose" => Kind::Lose,
            "duplicate" => Kind::Duplicate,
            "reorder" => Kind::Reorder,
            "misroute" => Kind::Misroute,
            other => panic!("no fault '{other}'"),
        };
        let every = every.parse().expect("FLOODMARK_FAULT ends in a number");
        Some(Self { kind, every, seen: 0, held: HashMap::new(), astray: Vec::new() })
    }

    /// Encodes what a connection is to get, spoiled.
    pub(crate) fn encode<'a>(
        &mut self,
        out: &mut Vec<u8>,
        key: Key,
        count: &mut u32,
        texts: impl Iterator<Item = &'a [u8]>,
    ) {
        let mut one = |out: &mut Vec<u8>, text: &[u8]| {
            *count += 1;
            wire::comet::server::encode_message(out, *count, text);
        };
        for text in texts {
            self.seen += 1;
            match self.kind {
                _ if !self.seen.is_multiple_of(self.every) => one(out, text),
                Kind::Lose => continue,
                Kind::Duplicate => {
                    one(out, text);
                    one(out, text);
                }
                Kind::Reorder if !self.held.contains_key(&key) => {
                    self.held.insert(key, text.to_vec());
                    continue;
                }
                Kind::Reorder => one(out, text),
                Kind::Misroute => {
                    let mut chunk = Vec::new();
                    wire::comet::server::encode_message(&mut chunk, 0, text);
                    self.astray.push((key.index ^ 1, chunk));
                }
            }
            if let Some(held) = self.held.remove(&key) {
                one(out, &held);
            }
        }
    }

    /// What has to be written to other connections: slab index and bytes.
    pub(crate) fn astray(&mut self) -> Vec<(u32, Vec<u8>)> {
        std::mem::take(&mut self.astray)
    }
}
