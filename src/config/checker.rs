//! What every check uses: where a key stands, where to report, and values in a range.
//!
//! Belongs here: nothing that knows one key from another.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::from_value;
use url::Url;

use super::Lookup;
use super::issue::{Level, Report};
use super::raw::DurationText;
use super::tree::Node;
use crate::domain::target::is_loopback;

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
/// Where the keys of a file are documented.
pub(super) const DOCUMENT: &str = "docs/configuration.md";
pub(super) const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

/// What a check needs: where keys were written, the environment, and where to report.
pub(super) struct Checker<'a> {
    pub root: &'a Node,
    /// Path of `root` from the file's root.
    pub path: String,
    pub lookup: Lookup<'a>,
    pub report: &'a mut Report,
}

impl Checker<'_> {
    pub fn error(&mut self, key: &str, text: impl Into<String>) {
        self.add(Level::Error, key, text);
    }

    pub fn warning(&mut self, key: &str, text: impl Into<String>) {
        self.add(Level::Warning, key, text);
    }

    /// Reports at the key's place, or at its nearest parent's where it is not written.
    pub fn add(&mut self, level: Level, key: &str, text: impl Into<String>) {
        let node = self.root.nearest(key);
        self.report.add(level, &node.place, self.whole_path(node, key), text);
    }

    /// Reports an entry of the mapping at `key` at its place, without its name, which may be a piece of a secret.
    pub fn unnamed(&mut self, key: &str, name: &str, text: impl Into<String>) {
        let entry = self.root.nearest(key).entries().iter().find(|entry| entry.key == name);
        if let Some(entry) = entry {
            self.report.error(&entry.place, self.whole_path(&entry.node, key), text);
        }
    }

    fn whole_path(&self, node: &Node, key: &str) -> String {
        let root = if node.inherited { "defaults" } else { &self.path };
        [root, key].iter().filter(|p| !p.is_empty()).copied().collect::<Vec<_>>().join(".")
    }

    /// Unwraps a result, or reports its error at `key`.
    pub fn accept<T>(&mut self, key: &str, result: Result<T, impl Display>) -> Option<T> {
        result.map_err(|e| self.error(key, e.to_string())).ok()
    }

    /// The node as its type; after reporting where the schema has let something through that it does not take.
    pub fn read<T: DeserializeOwned>(&mut self, document: &str) -> Option<T> {
        let value = from_value(self.root.to_value());
        value.map_err(|_| self.error("", format!("does not fit the schema; see {document}"))).ok()
    }

    /// Warns of http:// to another machine.
    pub fn warn_if_plain(&mut self, key: &str, url: &Url, text: &str) {
        if url.scheme() == "http" && !is_loopback(url) {
            self.warning(key, text);
        }
    }

    /// Whether the target itself has the key, rather than the defaults.
    pub fn is_own(&self, key: &str) -> bool {
        self.root.at(key).is_some_and(|node| !node.inherited)
    }

    /// A duration in a range, or the default where it is not written or wrong.
    pub fn duration(
        &mut self,
        key: &str,
        text: Option<&DurationText>,
        default: Duration,
        range: RangeInclusive<Duration>,
    ) -> Duration {
        let Some(DurationText(text)) = text else { return default };
        let Ok(value) = humantime::parse_duration(text) else {
            self.error(key, "is not a duration; write a number with its unit, as in `60s`, `2m` or `1h 30m`");
            return default;
        };
        if range.contains(&value) {
            return value;
        }
        let off = if key == "token_interval" { ", or `off`" } else { "" };
        let [value, from, to] = [value, *range.start(), *range.end()].map(show);
        self.error(key, format!("{value} is out of range; write {from} to {to}{off}"));
        default
    }
}

/// A duration as it is written in the file.
pub(super) fn show(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}
