//! YAML as a tree whose every node knows its place, so that inheritance and checks can name it.
//!
//! Nothing here prints a value: any of them may be a secret.

use std::fmt;
use std::sync::Arc;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};
use serde_saphyr::{DuplicateKeyPolicy, Error, Location, Spanned};

use super::issue::{Place, Report};
use super::schema;

/// A value with its place.
#[derive(Clone)]
pub(super) struct Node {
    pub place: Place,
    pub data: Data,
    /// Whether it came from `defaults`.
    pub inherited: bool,
}

#[derive(Clone)]
pub(super) enum Data {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Clone)]
pub(super) struct Entry {
    pub key: String,
    /// Of the key.
    pub place: Place,
    pub node: Node,
}

impl Node {
    pub fn new(place: Place, data: Data) -> Self {
        Self { place, data, inherited: false }
    }

    /// What the node is, as people say it.
    pub fn kind(&self) -> &'static str {
        match &self.data {
            Data::Null => "nothing",
            Data::Bool(_) => "true or false",
            // YAML makes one of 0200 as well.
            Data::Number(n) if n.is_f64() => "a number with a fraction or leading zeros",
            Data::Number(_) => "a number",
            Data::Text(_) => "text",
            Data::List(_) => "a list",
            Data::Map(_) => "a mapping",
        }
    }

    pub fn entries(&self) -> &[Entry] {
        if let Data::Map(entries) = &self.data { entries } else { &[] }
    }

    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|e| e.key == key).map(|e| &e.node)
    }

    /// The node at a path such as `auth.scopes[1]`; `None` where it is not written.
    pub fn at(&self, path: &str) -> Option<&Self> {
        segments(path).try_fold(self, Self::child)
    }

    /// The same, or else its nearest parent.
    pub fn nearest(&self, path: &str) -> &Self {
        let mut node = self;
        for key in segments(path) {
            let Some(child) = node.child(key) else { break };
            node = child;
        }
        node
    }

    fn child(&self, key: &str) -> Option<&Self> {
        match &self.data {
            Data::List(items) => items.get(key.strip_suffix(']')?.parse::<usize>().ok()?),
            _ => self.get(key),
        }
    }

    /// The plain value, for serde.
    pub fn to_value(&self) -> Value {
        match &self.data {
            Data::Null => Value::Null,
            Data::Bool(b) => Value::Bool(*b),
            Data::Number(n) => Value::Number(n.clone()),
            Data::Text(text) => Value::String(text.clone()),
            Data::List(items) => items.iter().map(Self::to_value).collect(),
            Data::Map(entries) => entries.iter().map(|e| (e.key.clone(), e.node.to_value())).collect(),
        }
    }
}

/// Parses one file; `None` after an error, or where it holds nothing but comments.
pub(super) fn parse(text: &str, file: &Arc<str>, report: &mut Report) -> Option<Node> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        with_snippet: false,
        // Repeated keys reach `place_map`, which names both places.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        // Enough for ten thousand targets that share one anchor. What aliases may add up to stays limited,
        // so that a file of a few lines cannot fill the memory.
        budget: serde_saphyr::budget! {
            max_events: 10_000_000,
            max_nodes: 5_000_000,
            max_merge_keys: 100_000,
            max_recorded_anchor_events: 50_000,
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 500_000 },
    };
    match serde_saphyr::from_str_with_options::<Spanned<Loose>>(text, options) {
        Ok(root) => Some(place(root, file, "", report)),
        Err(error) => {
            report.error(&at(file, error.location()), "", syntax(&error));
            None
        }
    }
}

/// The parser's own words without its place, which stands in front already.
fn syntax(error: &Error) -> String {
    let text = match error {
        Error::AliasError { error, .. } => return syntax(error),
        Error::MultipleDocuments { .. } => {
            return "a second document; a file may have only one: remove the line `---`".to_owned();
        }
        // Keys alone are asked to be text.
        Error::NullIntoString { .. } | Error::Unexpected { .. } => {
            return "a key is empty or not plain text; write a word before the colon".to_owned();
        }
        Error::Budget { .. } | Error::AliasReplayLimitExceeded { .. } => {
            return "the file is too large, or becomes so through its aliases (`*name`); split it".to_owned();
        }
        Error::NonFiniteFloat { .. } => return "a number out of range; put it in quotes".to_owned(),
        Error::ExternalMessage { msg, .. } | Error::Message { msg, .. } => msg.clone(),
        error => error.to_string(),
    };
    let text = text.lines().next().unwrap_or_default();
    let text = text.rsplit_once(" at line ").map_or(text, |(text, _)| text);
    format!("not valid YAML: {text}; check indentation, colons and quotes on this line and the lines above")
}

fn at(file: &Arc<str>, location: Option<Location>) -> Place {
    match location {
        Some(at) if at.line() > 0 => Place::File(Arc::clone(file), at.line(), at.column()),
        _ => Place::File(Arc::clone(file), 1, 1),
    }
}

fn place(raw: Spanned<Loose>, file: &Arc<str>, path: &str, report: &mut Report) -> Node {
    let data = match raw.value {
        Loose::Scalar(data) => data,
        Loose::List(items) => {
            let item = |(i, item)| place(item, file, &format!("{path}[{i}]"), report);
            Data::List(items.into_iter().enumerate().map(item).collect())
        }
        Loose::Map(pairs) => Data::Map(place_map(pairs, file, path, report)),
    };
    Node::new(at(file, Some(raw.defined)), data)
}

type Pair = (Spanned<String>, Spanned<Loose>);

fn place_map(pairs: Vec<Pair>, file: &Arc<str>, path: &str, report: &mut Report) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::with_capacity(pairs.len());
    for (key, value) in pairs {
        let (here, key) = (at(file, Some(key.defined)), key.value);
        if let Some(first) = entries.iter().find(|e| e.key == key) {
            // Any other may be a piece of a secret.
            let (path, what) = if schema::is_key(&key) {
                (join(path, &key), "given twice")
            } else {
                (path.to_owned(), "has a key twice")
            };
            report.error(&here, path, format!("{what}, first at {}; remove one", first.place));
        } else {
            let node = place(value, file, &join(path, &key), report);
            entries.push(Entry { key, place: here, node });
        }
    }
    entries
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split(['.', '['])
}

/// A key's path below its parent's.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// What YAML's core schema makes of a value.
enum Loose {
    Scalar(Data),
    List(Vec<Spanned<Loose>>),
    Map(Vec<Pair>),
}

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor)
    }
}

struct LooseVisitor;

impl<'de> Visitor<'de> for LooseVisitor {
    type Value = Loose;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Loose, E> {
        Ok(Loose::Scalar(Data::Null))
    }

    fn visit_none<E>(self) -> Result<Loose, E> {
        Ok(Loose::Scalar(Data::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Loose, D::Error> {
        Loose::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Loose, E> {
        Ok(Loose::Scalar(Data::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Loose, E> {
        Ok(Loose::Scalar(Data::Number(value.into())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Loose, E> {
        Ok(Loose::Scalar(Data::Number(value.into())))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Loose, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("a number that is not finite"))?;
        Ok(Loose::Scalar(Data::Number(number)))
    }

    fn visit_i128<E: de::Error>(self, value: i128) -> Result<Loose, E> {
        self.visit_f64(value as f64)
    }

    fn visit_u128<E: de::Error>(self, value: u128) -> Result<Loose, E> {
        self.visit_f64(value as f64)
    }

    fn visit_str<E>(self, value: &str) -> Result<Loose, E> {
        Ok(Loose::Scalar(Data::Text(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Loose, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Loose::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Loose, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Loose::Map(pairs))
    }
}
