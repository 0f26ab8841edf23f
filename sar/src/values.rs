//! Named values, gathered again and again without allocating again and again.

use std::sync::Arc;

/// The longest name of a value that is taken from elsewhere. What has a longer one is left out.
pub(crate) const NAME_BYTES_MAX: usize = 256;

/// The name of a value: known when this was compiled, or made once and shared.
#[derive(Debug, Clone)]
pub enum Name {
    /// A name of the host's.
    Static(&'static str),
    /// A prefixed name. Cloning it counts a reference and allocates nothing.
    Shared(Arc<str>),
}

impl Name {
    /// The name itself.
    pub fn as_str(&self) -> &str {
        match self {
            Name::Static(name) => name,
            Name::Shared(name) => name,
        }
    }

    /// Whether it is the same name, told by its address where that is enough.
    pub(crate) fn is_same(&self, other: &Name) -> bool {
        let (mine, theirs) = (self.as_str(), other.as_str());
        std::ptr::eq(mine, theirs) || mine == theirs
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Name) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Name {}

impl std::hash::Hash for Name {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl From<&'static str> for Name {
    fn from(name: &'static str) -> Name {
        Name::Static(name)
    }
}

impl From<String> for Name {
    fn from(name: String) -> Name {
        Name::Shared(name.into())
    }
}

impl From<&Arc<str>> for Name {
    fn from(name: &Arc<str>) -> Name {
        Name::Shared(Arc::clone(name))
    }
}

impl From<&Name> for Name {
    fn from(name: &Name) -> Name {
        name.clone()
    }
}

/// An ordered list of named values. Clear it and use it again: it keeps its memory.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Values {
    entries: Vec<(Name, f64)>,
}

impl Values {
    /// An empty list.
    pub fn new() -> Values {
        Values::default()
    }

    /// Forgets the values and keeps the memory.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// Adds a value. One that is not finite was not measured, and is left out.
    pub fn push(&mut self, name: impl Into<Name>, value: f64) {
        if value.is_finite() {
            self.entries.push((name.into(), value));
        }
    }

    /// Adds a value that may be absent.
    pub fn push_some(&mut self, name: impl Into<Name>, value: Option<f64>) {
        if let Some(value) = value {
            self.push(name, value);
        }
    }

    /// Adds all values of another list.
    pub(crate) fn extend(&mut self, others: &Values) {
        self.entries.extend(others.entries.iter().cloned());
    }

    /// The value of that name, the last one if there are several.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.entries.iter().rev().find(|(entry, _)| entry.as_str() == name).map(|&(_, value)| value)
    }

    /// All values, in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.entries.iter().map(|(name, value)| (name.as_str(), *value))
    }

    /// The names, in the same order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &Name> {
        self.entries.iter().map(|(name, _)| name)
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_order_and_their_memory() {
        let prefixed: Arc<str> = "server.rss_bytes".into();
        let mut values = Values::new();
        for round in 0..3 {
            values.clear();
            values.push("host.load_1m", f64::from(round));
            values.push(&prefixed, 2.0);
            values.push("absent", f64::NAN);
            values.push_some("absent", None);
            assert_eq!(values.len(), 2);
        }
        assert_eq!(values.iter().collect::<Vec<_>>(), [("host.load_1m", 2.0), ("server.rss_bytes", 2.0)]);
        assert_eq!((values.get("server.rss_bytes"), values.get("absent")), (Some(2.0), None));
        assert_eq!(Arc::strong_count(&prefixed), 2);
    }
}
