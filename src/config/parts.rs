//! The parts of a configuration, put together from all files or made of variables, and checked as a whole.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::checker::Checker;
use super::issue::{Place, Report};
use super::platform::Platforms;
use super::tree::{Data, Entry, Node};
use super::{Config, Limits, Lookup, TryOut, inherit, limits, storage, structure, target, together};

/// The parts of a configuration, merged over all files.
#[derive(Default)]
pub(super) struct Parts {
    pub defaults: Option<Node>,
    pub limits: Option<Node>,
    pub storage: Option<Node>,
    pub authorization: Option<Node>,
    pub platforms: Vec<Entry>,
    /// With their paths from the file's root.
    pub targets: Vec<(String, Node)>,
    /// Whether structure had no errors; if not, each part is looked at before its values are checked.
    pub sound: bool,
}

impl Parts {
    pub fn config(self, lookup: Lookup<'_>, try_out: TryOut<'_>, report: &mut Report) -> Config {
        let is_sound = |node: &Node, name| self.sound || structure::is_sound(node, name);
        let mut limits = Limits::default();
        if let Some(root) = self.limits.as_ref().filter(|root| is_sound(root, "Limits")) {
            limits = limits::limits(Checker { root, path: "limits".to_owned(), lookup, report });
        }
        let storage =
            self.storage.as_ref().filter(|root| is_sound(root, "Storage")).and_then(|root| {
                storage::storage(Checker { root, path: "storage".to_owned(), lookup, report })
            });
        let authorization = self.authorization.as_ref().filter(|root| is_sound(root, "Authorization"));
        let external_url = authorization.and_then(|root| {
            storage::external_url(Checker { root, path: "authorization".to_owned(), lookup, report })
        });
        check_names(&self.targets, report);
        let platforms = Platforms::described(&self.platforms, self.sound, lookup, report);
        if self.defaults.as_ref().is_some_and(|root| !is_sound(root, "Defaults")) {
            return Config::default();
        }
        let (mut targets, mut tried) = (Vec::with_capacity(self.targets.len()), HashSet::new());
        for (path, own) in self.targets.iter().filter(|(_, own)| is_sound(own, "Target")) {
            let root = inherit::merge(own, self.defaults.as_ref());
            let place = Checker { root: &root, path: path.clone(), lookup, report };
            let checked = target::target(place, &platforms);
            if let Some(target) = checked.as_ref().filter(|target| tried.insert(target.client.clone()))
                && let Err((key, text)) = try_out(&target.client)
            {
                Checker { root: &root, path: path.clone(), lookup, report }.error(key, text);
            }
            targets.extend(checked.map(|target| (Arc::new(target), (path, own))));
        }
        together::compare(&targets, report);
        if self.storage.is_none() {
            storage::is_missing(&targets, self.authorization.as_ref(), report);
        }
        let targets = targets.into_iter().map(|(target, _)| target).collect();
        Config {
            targets,
            limits,
            storage,
            has_page: authorization.is_some(),
            external_url,
            ..Config::default()
        }
    }

    pub fn add(&mut self, root: Node, report: &mut Report) {
        let Data::Map(entries) = root.data else { return };
        for entry in entries {
            match (entry.key.as_str(), entry.node.data) {
                ("targets", Data::List(items)) => {
                    let path = |(i, node)| (format!("targets[{i}]"), node);
                    self.targets.extend(items.into_iter().enumerate().map(path));
                }
                ("platforms", Data::Map(entries)) => self.platforms.extend(entries),
                (key @ ("defaults" | "limits" | "storage" | "authorization"), data @ Data::Map(_)) => {
                    let slot = match key {
                        "limits" => &mut self.limits,
                        "storage" => &mut self.storage,
                        "authorization" => &mut self.authorization,
                        _ => &mut self.defaults,
                    };
                    if let Some(first) = slot {
                        let text = format!(
                            "is also in another file, at {}; keep one, it applies to all files",
                            first.place
                        );
                        report.error(&entry.place, key, text);
                    } else {
                        // The key's place says more than that of its first member.
                        *slot = Some(Node::new(entry.place, data));
                    }
                }
                _ => {}
            }
        }
    }
}

fn check_names(targets: &[(String, Node)], report: &mut Report) {
    let mut places: HashMap<&str, &Place> = HashMap::new();
    for (path, node) in targets {
        let Some(Node { data: Data::Text(name), place, .. }) = node.get("name") else { continue };
        if let Some(first) = places.get(name.as_str()) {
            let name = structure::printable(name);
            let text = format!("the name `{name}` is taken at {first}; give each target its own");
            report.error(place, format!("{path}.name"), text);
        } else {
            places.insert(name, place);
        }
    }
}
