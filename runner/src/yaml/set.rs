//! `--set path=value`: overrides, laid over the tree before it is decoded.
//!
//! The value is read as YAML (`messages.rate=2000/s`, `thresholds=[]`), `null` takes a key away, groups on the way are made
//! as needed. Keys are checked afterwards, by decoding, like those of the file.

use std::cell::RefCell;

use super::{
    Finding, Place,
    tree::{self, Entry, Node, Value},
};

/// Applies `argument`, which is source number `source`, to the tree at `root`.
pub(super) fn apply(root: &mut Node, source: usize, argument: &str, findings: &RefCell<Vec<Finding>>) {
    let whole = Place { source, start: 0, end: argument.len() };
    let note = |place: Place, what: String, instead: &str| {
        findings.borrow_mut().push(Finding { place, what, instead: instead.to_owned() });
    };
    let Some((path, value)) = argument.split_once('=').filter(|(path, _)| !path.is_empty()) else {
        note(whole, format!("'{argument}' is not path=value"), "write e.g. connections.count=5000");
        return;
    };
    let Some(value) = tree::parse(value, source, path.len() + 1, findings) else { return };

    let mut node = root;
    let mut start = 0;
    for segment in path.split('.') {
        let place = Place { source, start, end: start + segment.len() };
        start = place.end + 1;
        if node.is_null() {
            node.value = Value::Map(Vec::new());
            node.place = place;
        }
        let instead = match &node.value {
            Value::List(_) => "it is a list: set the whole of it, e.g. thresholds=[\"audit.lost == 0\"]",
            _ => "it is one value: leave out what follows it",
        };
        let Value::Map(entries) = &mut node.value else {
            let parent = &path[..place.start.saturating_sub(1)];
            note(place, format!("'{parent}' has no keys"), instead);
            return;
        };
        let index = entries.iter().position(|entry| entry.key == segment).unwrap_or_else(|| {
            let value = Node::new(place, Value::Scalar { text: String::new(), plain: true });
            entries.push(Entry { key: segment.to_owned(), key_place: place, value });
            entries.len() - 1
        });
        node = &mut entries[index].value;
    }
    *node = value;
}
