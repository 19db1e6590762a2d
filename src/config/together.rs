//! What is odd about several targets together, each of which is right by itself.

use std::collections::HashMap;
use std::sync::Arc;

use super::issue::{Level, Report};
use super::structure;
use super::tree::Node;
use crate::domain::Target;

/// A target, and where it was written.
pub(super) type Placed<'a> = (Arc<Target>, (&'a String, &'a Node));

pub(super) fn compare(targets: &[Placed<'_>], report: &mut Report) {
    refuse_one_refresh_token_twice(targets, report);
    warn_of_twins(targets, report);
    note_shared_budget(targets, report);
}

/// Once for each origin: only the user knows whether two applications belong to one customer.
fn note_shared_budget(targets: &[Placed<'_>], report: &mut Report) {
    let mut seen: HashMap<String, (&Target, bool)> = HashMap::new();
    let shares = |target: &Target| target.platform.rate_limit.shared && target.customer.is_none();
    for (target, (path, node)) in targets.iter().filter(|(target, _)| shares(target)) {
        let (first, told) = seen.entry(target.place()).or_insert((target, false));
        if *told || first.auth.client_id == target.auth.client_id {
            continue;
        }
        *told = true;
        let text = format!(
            "missing, so this target and `{}` each use the hourly request budget as if it were theirs alone; \
             if both belong to one customer, set the same `customer` in both",
            structure::printable(&first.name)
        );
        report.add(Level::Note, &node.nearest("url").place, format!("{path}.customer"), text);
    }
}

/// It may serve once, and each target would end the other's access.
fn refuse_one_refresh_token_twice(targets: &[Placed<'_>], report: &mut Report) {
    let mut seen = HashMap::new();
    for (target, (path, node)) in targets {
        let Some(source) = &target.auth.refresh_token else { continue };
        let key = (target.place(), target.auth.client_id.as_str(), source);
        let first: &Arc<Target> = seen.entry(key).or_insert(target);
        if Arc::ptr_eq(first, target) {
            continue;
        }
        let text = format!(
            "the same as that of target `{}`; it may work only once, so each would end the other's access: \
             give each its own",
            structure::printable(&first.name)
        );
        report.error(&node.nearest("auth.refresh_token").place, format!("{path}.auth.refresh_token"), text);
    }
}

fn warn_of_twins(targets: &[Placed<'_>], report: &mut Report) {
    let mut seen: HashMap<(String, &str), &Target> = HashMap::new();
    for (target, (path, node)) in targets.iter().filter(|(target, _)| !target.auth.client_id.is_empty()) {
        let key = (target.place(), target.auth.client_id.as_str());
        if let Some(first) = seen.get(&key) {
            let text = format!(
                "target `{}` uses the same application on the same PBX as target `{}`; give each its own, so \
                 that the PBX can tell them apart",
                structure::printable(&target.name),
                structure::printable(&first.name)
            );
            let place = &node.nearest("auth.client_id").place;
            report.add(Level::Warning, place, format!("{path}.auth.client_id"), text);
        } else {
            seen.insert(key, target);
        }
    }
}
