//! The text as a tree of nodes, each with its place.

use std::cell::{Cell, RefCell};

use serde_saphyr::granit_parser::{self, Event, Parser, ScalarStyle, Span};

use super::{Finding, Place};

/// A scenario is three levels deep; whatever goes past this bound is refused.
const DEPTH_MAX: usize = 32;

/// A scenario has some forty values, and perhaps a few hundred source addresses; more than this is refused.
const NODES_MAX: usize = 10_000;

/// A value in the text.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
    /// Set once an error has been noted for it: it is then passed over.
    bad: Cell<bool>,
    /// Keys that an unknown key here was probably meant to be: they are not missing, only misspelt.
    pub(super) guessed: RefCell<Vec<&'static str>>,
}

#[derive(Debug)]
pub(super) enum Value {
    /// A word or number; `plain` means without quotes, so that it may be a number.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_place: Place,
    pub(super) value: Node,
}

/// The answer to "where is this path?".
pub(super) enum Whereabouts {
    /// There, or at the nearest thing above it that exists.
    At(Place),
    /// In a part of the text that an error has been noted for.
    Blamed,
}

impl Node {
    pub(super) fn new(place: Place, value: Value) -> Self {
        Self { place, value, bad: Cell::new(false), guessed: RefCell::default() }
    }

    pub(super) fn is_bad(&self) -> bool {
        self.bad.get()
    }

    pub(super) fn mark_bad(&self) {
        self.bad.set(true);
    }

    /// Whether it stands for "nothing here": an empty value, `~` or `null`.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true }
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// Finds `path`, e.g. `connections.count` or `thresholds[2]`.
    pub(super) fn find(&self, path: &str) -> Whereabouts {
        let mut node = self;
        let mut place = Place { end: self.place.start, ..self.place };
        for segment in path.split(['.', '[']).filter(|segment| !segment.is_empty()) {
            if node.is_bad() {
                return Whereabouts::Blamed;
            }
            let (next, key_place) = match &node.value {
                Value::Map(entries) => match entries.iter().find(|entry| entry.key == segment) {
                    Some(entry) => (&entry.value, entry.key_place),
                    None if node.guessed.borrow().contains(&segment) => return Whereabouts::Blamed,
                    None => return Whereabouts::At(place),
                },
                // Decoding has passed over the bad ones, so the index counts only the others.
                Value::List(items) => {
                    let index = segment.trim_end_matches(']').parse().unwrap_or(usize::MAX);
                    match items.iter().filter(|item| !item.is_bad()).nth(index) {
                        Some(item) => (item, item.place),
                        None => return Whereabouts::At(place),
                    }
                }
                Value::Scalar { .. } => return Whereabouts::At(place),
            };
            // A group is best shown by its key; so is what is empty.
            place = match next.value {
                Value::Scalar { .. } if !next.is_null() => next.place,
                _ => key_place,
            };
            node = next;
        }
        if node.is_bad() { Whereabouts::Blamed } else { Whereabouts::At(place) }
    }
}

/// Parses `text`, which begins at byte `offset` of source number `source`. `None` after an error that leaves no tree.
pub(super) fn parse(
    text: &str,
    source: usize,
    offset: usize,
    findings: &RefCell<Vec<Finding>>,
) -> Option<Node> {
    let options = granit_parser::options! {
        emit_comments: false,
        emit_anchor_events: true,
        emit_unresolved_aliases: true,
        flow_nesting_limit: DEPTH_MAX,
        block_nesting_limit: DEPTH_MAX,
    };
    let mut builder =
        Builder { source, offset, findings, open: Vec::new(), root: None, nodes: 0, documents: 0 };
    for event in Parser::new_from_str_with_options(text, options) {
        let step = match event {
            Ok((event, span)) => builder.take(event, span),
            Err(error) => {
                let at = error.marker().byte_offset().unwrap_or(0);
                let place = Place { source, start: offset + at, end: offset + at + 1 };
                let info = error.info();
                Err(builder.finding(place, format!("not valid YAML: {info}"), advice(&info)))
            }
        };
        if let Err(finding) = step {
            findings.borrow_mut().push(finding);
            return None;
        }
    }
    let nowhere = builder.place(Span::default());
    let empty = || Node::new(nowhere, Value::Scalar { text: String::new(), plain: true });
    Some(builder.root.unwrap_or_else(empty))
}

/// What to do about a syntax error, by the parser's words for it. Words it does not know go without advice.
fn advice(info: &str) -> &'static str {
    const ADVICE: [(&str, &str); 7] = [
        ("tab", "indent with spaces"),
        ("unclosed", "close it"),
        ("quoted scalar", "close the quote"),
        ("expected ':'", "write key: value"),
        ("mapping values are not allowed", "put text with ': ' in quotes, or mend the indentation"),
        ("recursion limit", "a scenario has three levels"),
        ("did not find expected", "mend the indentation, or close what is open above"),
    ];
    ADVICE.iter().find(|(word, _)| info.contains(word)).map_or("", |(_, advice)| advice)
}

/// A collection that has begun and not ended.
struct Open {
    start: usize,
    value: Value,
    /// In a map: the key whose value comes next.
    key: Option<(String, Place)>,
}

struct Builder<'a> {
    source: usize,
    offset: usize,
    findings: &'a RefCell<Vec<Finding>>,
    open: Vec<Open>,
    root: Option<Node>,
    nodes: usize,
    documents: usize,
}

impl Builder<'_> {
    fn place(&self, span: Span) -> Place {
        let byte = |marker: granit_parser::Marker| self.offset + marker.byte_offset().unwrap_or(0);
        Place { source: self.source, start: byte(span.start), end: byte(span.end) }
    }

    fn finding(&self, place: Place, what: impl Into<String>, instead: &str) -> Finding {
        debug_assert_eq!(place.source, self.source);
        Finding { place, what: what.into(), instead: instead.to_owned() }
    }

    fn note(&self, place: Place, what: &str, instead: &str) {
        self.findings.borrow_mut().push(self.finding(place, what, instead));
    }

    /// Takes one event; an `Err` ends the parse.
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Finding> {
        let place = self.place(span);
        if let Some(tag) = span.tag_span().filter(|_| event.is_node()) {
            self.note(self.place(tag), "tags are not supported here", "leave it out");
        }
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(self.finding(
                        place,
                        "a second document begins here",
                        "one scenario to a file",
                    ));
                }
            }
            Event::Anchor(..) => {
                self.note(place, "anchors are not supported here", "leave it out, and write values in full");
            }
            Event::Alias(..) | Event::UnresolvedAlias(..) => {
                self.note(place, "aliases are not supported here", "write the value in full");
                let node = Node::new(place, Value::Scalar { text: String::new(), plain: true });
                node.mark_bad();
                return self.finish(node);
            }
            Event::Scalar(text, style, ..) => {
                let plain = style == ScalarStyle::Plain;
                return self.finish(Node::new(place, Value::Scalar { text: text.into_owned(), plain }));
            }
            Event::SequenceStart(..) => return self.begin(place, Value::List(Vec::new())),
            Event::MappingStart(..) => return self.begin(place, Value::Map(Vec::new())),
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.open.pop() {
                    let place = Place { source: self.source, start: open.start, end: place.end };
                    return self.finish(Node::new(place, open.value));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, place: Place, value: Value) -> Result<(), Finding> {
        if matches!(self.open.last(), Some(Open { value: Value::Map(_), key: None, .. })) {
            return Err(self.finding(
                place,
                "a group cannot be a key",
                "write 'key: value', or quote the text",
            ));
        }
        if self.open.len() >= DEPTH_MAX {
            return Err(self.finding(place, "nested too deeply", "a scenario has three levels"));
        }
        self.open.push(Open { start: place.start, value, key: None });
        Ok(())
    }

    /// Puts a finished node where it belongs.
    fn finish(&mut self, node: Node) -> Result<(), Finding> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(self.finding(
                node.place,
                format!("more than {NODES_MAX} values"),
                "shorten the file",
            ));
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.value {
            Value::List(items) => items.push(node),
            Value::Map(entries) => match (open.key.take(), node) {
                (None, Node { value: Value::Scalar { text, .. }, place, .. }) => {
                    open.key = Some((text, place));
                }
                (Some((key, key_place)), value) => {
                    if entries.iter().any(|entry| entry.key == key) {
                        self.note(key_place, &format!("duplicate key '{key}'"), "keep one of them");
                    } else {
                        entries.push(Entry { key, key_place, value });
                    }
                }
                (None, _) => unreachable!("begin refuses a collection as a key"),
            },
            Value::Scalar { .. } => unreachable!("only collections are opened"),
        }
        Ok(())
    }
}
