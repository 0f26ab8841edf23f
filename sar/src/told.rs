//! Which names a reader has been told the meaning of.

use std::collections::HashSet;

use crate::{Name, Values};

/// The most names that are remembered. Beyond them a catalog may say again what it has said.
const NAMES_MAX: usize = 65_536;

/// Remembers the names that were told. Values that come in the same order as the last time cost a comparison of
/// addresses each, and allocate nothing.
#[derive(Debug, Default)]
pub(crate) struct Told {
    last: Vec<Name>,
    names: HashSet<Name>,
}

impl Told {
    /// Whether all these names, in this order, are those of the last time.
    fn is_as_before(&self, values: &Values) -> bool {
        self.last.len() == values.len()
            && self.last.iter().zip(values.names()).all(|(last, now)| last.is_same(now))
    }

    /// The names that were not told yet. From now on they are.
    pub(crate) fn take_new(&mut self, values: &Values) -> Vec<Name> {
        if self.is_as_before(values) {
            return Vec::new();
        }
        self.last.clear();
        self.last.extend(values.names().cloned());
        let new: Vec<Name> = values.names().filter(|name| !self.names.contains(*name)).cloned().collect();
        if self.names.len() + new.len() > NAMES_MAX {
            self.names.clear();
        }
        self.names.extend(new.iter().cloned());
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(names: &[&'static str]) -> Values {
        let mut values = Values::new();
        names.iter().for_each(|&name| values.push(name, 1.0));
        values
    }

    #[test]
    fn a_name_is_new_once_whatever_the_order() {
        let mut told = Told::default();
        assert_eq!(told.take_new(&values(&["a", "b"])).len(), 2);
        assert_eq!(told.take_new(&values(&["a", "b"])), []);
        assert_eq!(told.take_new(&values(&["b"])), []);
        assert_eq!(told.take_new(&values(&["b", "c", "a"])), [Name::Static("c")]);
        let mut shared = Values::new();
        shared.push("a".to_owned(), 1.0);
        assert_eq!(told.take_new(&shared), [], "a name is its letters, wherever they are kept");
    }
}
