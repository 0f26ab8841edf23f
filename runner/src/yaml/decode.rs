//! serde over the tree: the one place that knows how a word in the text becomes a number, a flag, a list or a struct.

use std::{cell::RefCell, fmt};

use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, Visitor,
};

use super::{
    Finding, Place, nearest, suggest,
    tree::{Entry, Node, Value},
};

/// Decodes the tree. Unknown keys are noted and passed over; the first value that fails is the error, and is marked bad.
pub(super) fn decode<T: DeserializeOwned>(
    root: &Node,
    findings: &RefCell<Vec<Finding>>,
) -> Result<T, Finding> {
    T::deserialize(Cursor { node: root, findings }).map_err(|fault| {
        let place = fault.place.unwrap_or_else(|| {
            root.mark_bad();
            root.place
        });
        Finding { place, what: fault.what, instead: fault.instead }
    })
}

/// A value that failed. It learns its place from the innermost node that was being read.
#[derive(Debug)]
struct Fault {
    place: Option<Place>,
    what: String,
    instead: String,
}

impl Fault {
    fn new(what: impl Into<String>, instead: impl Into<String>) -> Self {
        Self { place: None, what: what.into(), instead: instead.into() }
    }

    fn at(mut self, node: &Node) -> Self {
        if self.place.is_none() {
            node.mark_bad();
            self.place = Some(node.place);
        }
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what, self.instead)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    /// A [`TextError`](crate::text::TextError) arrives as "what is wrong; what to write instead".
    fn custom<T: fmt::Display>(message: T) -> Self {
        let message = message.to_string();
        match message.rsplit_once("; ") {
            Some((what, instead)) => Self::new(what, instead),
            None => Self::new(message, ""),
        }
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        let found = match unexpected {
            Unexpected::Map => "a group of keys".to_owned(),
            Unexpected::Seq => "a list".to_owned(),
            Unexpected::Str(text) => format!("the text '{text}'"),
            Unexpected::Bool(flag) => format!("'{flag}'"),
            Unexpected::Unsigned(number) => format!("the number {number}"),
            Unexpected::Signed(number) => format!("the number {number}"),
            Unexpected::Float(number) => format!("the number {number}"),
            _ => "nothing".to_owned(),
        };
        Self::new(format!("this should be {expected}"), format!("found {found}"))
    }
}

/// A node about to be decoded.
#[derive(Clone, Copy)]
struct Cursor<'a> {
    node: &'a Node,
    findings: &'a RefCell<Vec<Finding>>,
}

impl Cursor<'_> {
    /// What the node is, in serde's words.
    fn unexpected(&self) -> Unexpected<'_> {
        match &self.node.value {
            Value::Map(_) => Unexpected::Map,
            Value::List(_) => Unexpected::Seq,
            Value::Scalar { text, plain } => match Word::of(text, *plain) {
                Word::Null => Unexpected::Unit,
                Word::Flag(flag) => Unexpected::Bool(flag),
                Word::Unsigned(number) => Unexpected::Unsigned(number),
                Word::Signed(number) => Unexpected::Signed(number),
                Word::Float(number) => Unexpected::Float(number),
                Word::Text(text) => Unexpected::Str(text),
            },
        }
    }
}

/// What a scalar means, by YAML 1.2's core schema.
enum Word<'a> {
    Null,
    Flag(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(&'a str),
}

impl<'a> Word<'a> {
    fn of(text: &'a str, plain: bool) -> Self {
        let numeric = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c))
            && text.ends_with(|c: char| c.is_ascii_digit() || c == '.');
        match text {
            _ if !plain => Self::Text(text),
            "" | "~" | "null" | "Null" | "NULL" => Self::Null,
            "true" | "True" | "TRUE" => Self::Flag(true),
            "false" | "False" | "FALSE" => Self::Flag(false),
            // Numbers too large for a float to hold, and words such as `.inf`, stay text and fail by name.
            _ if numeric => (text.parse().map(Self::Unsigned))
                .or_else(|_| text.parse().map(Self::Signed))
                .or_else(|_| text.parse().map(Self::Float))
                .unwrap_or(Self::Text(text)),
            _ => Self::Text(text),
        }
    }
}

impl<'de> Deserializer<'de> for Cursor<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let Value::Scalar { text, plain } = &self.node.value else {
            return Err(de::Error::invalid_type(self.unexpected(), &visitor));
        };
        match Word::of(text, *plain) {
            Word::Null => visitor.visit_unit(),
            Word::Flag(flag) => visitor.visit_bool(flag),
            Word::Unsigned(number) => visitor.visit_u64(number),
            Word::Signed(number) => visitor.visit_i64(number),
            Word::Float(number) => visitor.visit_f64(number),
            Word::Text(text) => visitor.visit_str(text),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::Scalar { text, plain } if !matches!(Word::of(text, *plain), Word::Flag(_)) => {
                Err(Fault::new(format!("'{text}' is neither true nor false"), "write true or false"))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    /// Only text that cannot be taken for a number: `name: 5` is more often a slip than a name.
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::Scalar { text, plain }
                if !matches!(Word::of(text, *plain), Word::Text(_) | Word::Null) =>
            {
                Err(Fault::new(format!("'{text}' should be text"), format!("write it in quotes: \"{text}\"")))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.node.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::List(items) => visitor.visit_seq(Items { items: items.iter(), findings: self.findings }),
            Value::Scalar { text, .. } => {
                Err(Fault::new("this should be a list", format!("write it in brackets: [ \"{text}\" ]")))
            }
            Value::Map(_) => Err(de::Error::invalid_type(Unexpected::Map, &"a list")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let known = format!("its keys are {}", fields.join(", "));
        match &self.node.value {
            Value::Map(entries) => {
                visitor.visit_map(Fields { entries: entries.iter(), fields, owner: self, value: None })
            }
            Value::Scalar { text, .. } if self.node.is_null() || text.is_empty() => {
                Err(Fault::new("nothing is written here", known))
            }
            Value::Scalar { text, .. } => {
                Err(Fault::new(format!("'{text}' should be a group of keys"), known))
            }
            Value::List(_) => Err(Fault::new("this should be a group of keys, not a list", known)),
        }
    }

    /// A choice among words.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let Value::Scalar { text, .. } = &self.node.value else {
            return Err(Fault::new(
                "this should be one word",
                format!("write one of {}", variants.join(", ")),
            ));
        };
        if !variants.contains(&text.as_str()) {
            return Err(Fault::new(
                format!("unknown value '{text}'"),
                suggest(text, variants, "write one of"),
            ));
        }
        visitor.visit_enum(text.as_str().into_deserializer())
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct newtype_struct
        tuple tuple_struct map identifier ignored_any
    }
}

struct Items<'a> {
    items: std::slice::Iter<'a, Node>,
    findings: &'a RefCell<Vec<Finding>>,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        let Some(node) = self.items.find(|node| !node.is_bad()) else { return Ok(None) };
        seed.deserialize(Cursor { node, findings: self.findings }).map(Some).map_err(|fault| fault.at(node))
    }
}

struct Fields<'a> {
    entries: std::slice::Iter<'a, Entry>,
    fields: &'static [&'static str],
    owner: Cursor<'a>,
    value: Option<&'a Node>,
}

impl Fields<'_> {
    fn note_unknown(&self, entry: &Entry) {
        entry.value.mark_bad();
        if let Some(meant) = nearest(&entry.key, self.fields.iter().copied()) {
            self.owner.node.guessed.borrow_mut().push(meant);
        }
        self.owner.findings.borrow_mut().push(Finding {
            place: entry.key_place,
            what: format!("unknown key '{}'", entry.key),
            instead: suggest(&entry.key, self.fields, "the keys here are"),
        });
    }
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        while let Some(entry) = self.entries.next() {
            let known = self.fields.contains(&entry.key.as_str());
            if !known && !entry.value.is_bad() {
                self.note_unknown(entry);
            }
            if known && !entry.value.is_bad() {
                self.value = Some(&entry.value);
                return seed.deserialize(entry.key.as_str().into_deserializer()).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let Some(node) = self.value.take() else { return Err(Fault::new("a value without a key", "")) };
        seed.deserialize(Cursor { node, findings: self.owner.findings }).map_err(|fault| fault.at(node))
    }
}
