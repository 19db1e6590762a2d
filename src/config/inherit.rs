//! How a target inherits from `defaults`: key by key, but whole where parts make no sense apart.

use super::tree::{Data, Entry, Node};

/// Mappings that inherit key by key; all else is replaced as a whole.
const NESTED: [&str; 5] = ["auth", "backoff", "headers", "tls", "proxy"];

/// The target with what it does not say itself. `KEY: null` says "not even the inherited one".
pub(super) fn merge(target: &Node, defaults: Option<&Node>) -> Node {
    defaults.map_or_else(|| target.clone(), |defaults| overlay(target, defaults))
}

fn overlay(own: &Node, defaults: &Node) -> Node {
    let mut entries: Vec<Entry> = own.entries().to_vec();
    for default in defaults.entries() {
        match entries.iter_mut().find(|e| replaces(&e.key, &default.key)) {
            Some(own) if own.key == default.key && nests(own, default) => {
                own.node = overlay(&own.node, &default.node);
            }
            Some(_) => {}
            None => entries.push(inherited(default)),
        }
    }
    // What has dropped something has done so; any other key without a value is left to the checks.
    let drops = |own: &Entry| {
        let replaced = |default: &Entry| replaces(&own.key, &default.key);
        matches!(own.node.data, Data::Null) && !own.node.inherited && defaults.entries().iter().any(replaced)
    };
    entries.retain(|entry| !drops(entry));
    Node { place: own.place.clone(), data: Data::Map(entries), inherited: own.inherited }
}

fn nests(own: &Entry, default: &Entry) -> bool {
    let is_map = |entry: &Entry| matches!(entry.node.data, Data::Map(_));
    NESTED.contains(&own.key.as_str()) && is_map(own) && is_map(default)
}

/// The same key (header names know no case), or another form of the same secret or list.
fn replaces(own: &str, default: &str) -> bool {
    own.eq_ignore_ascii_case(default) || (has_forms(stem(own)) && stem(own) == stem(default))
}

fn stem(key: &str) -> &str {
    key.strip_suffix("_file").or_else(|| key.strip_suffix("_env")).unwrap_or(key)
}

fn has_forms(stem: &str) -> bool {
    ["client_secret", "password", "refresh_token", "key", "expected_extensions"].contains(&stem)
}

fn inherited(entry: &Entry) -> Entry {
    let mut entry = entry.clone();
    mark(&mut entry.node);
    entry
}

fn mark(node: &mut Node) {
    node.inherited = true;
    if let Data::Map(entries) = &mut node.data {
        for entry in entries {
            mark(&mut entry.node);
        }
    }
}
