//! Which configured targets a command is about, and how many refusals it may draw.

use std::collections::HashMap;
use std::sync::Arc;

use super::check::load;
use crate::budget::Origin;
use crate::config::{Config, Limits};
use crate::domain::Target;
use crate::platform::known;

/// The configuration with the targets of these names, in the order of the names; all without any.
pub fn config(patterns: &[String], names: &[String]) -> Result<Config, Vec<String>> {
    let mut config = load(patterns, &|name| std::env::var(name).ok())?;
    if names.is_empty() {
        return Ok(config);
    }
    let find = |name: &String| config.targets.iter().find(|target| *target.name == **name).cloned();
    let unknown: Vec<_> = names
        .iter()
        .filter(|name| find(name).is_none())
        .map(|name| no_target(name, &config.targets))
        .collect();
    if !unknown.is_empty() {
        return Err(unknown);
    }
    config.targets = names.iter().filter_map(find).collect();
    Ok(config)
}

fn no_target(name: &str, targets: &[Arc<Target>]) -> String {
    let near = targets.iter().map(|target| (strsim::jaro_winkler(name, &target.name), &target.name));
    let near = near.filter(|(likeness, _)| *likeness > 0.8).max_by(|a, b| a.0.total_cmp(&b.0));
    match near {
        Some((_, near)) => format!("no target is named `{name}`; did you mean `{near}`?"),
        None => format!("no target is named `{name}`; `pbx_exporter check` lists them"),
    }
}

/// Refusing answers that one run may draw from an origin. A jail of FreePBX bans at 8, and a running exporter
/// may have drawn 6 already, of which a command knows nothing.
pub const REFUSALS: usize = 3;

/// Those that one run may draw by these limits.
fn refusals(limits: Limits) -> usize {
    limits.refusals_per_origin.min(REFUSALS)
}

pub fn adds_up<'a>(targets: impl IntoIterator<Item = &'a Target>) -> String {
    let who = targets.into_iter().find_map(|target| known(&target.platform).bans);
    let who = who.unwrap_or("anything that bans addresses there");
    format!(
        "Stops after {REFUSALS} rejected requests per origin; {who} counts them together with those of a running exporter."
    )
}

pub struct Budgets {
    limits: Limits,
    origins: HashMap<String, Arc<Origin>>,
}

impl Budgets {
    pub fn new(limits: Limits) -> Self {
        Self { limits, origins: HashMap::new() }
    }

    /// Those of the API's origin and of the token endpoint's, each shared by all targets that ask there.
    pub fn of(&mut self, target: &Target) -> [Arc<Origin>; 2] {
        [&target.origin, target.token_origin()].map(|url| self.at(url))
    }

    fn at(&mut self, url: &url::Url) -> Arc<Origin> {
        let (places, window) = (refusals(self.limits), self.limits.refusal_window);
        let origin = self.origins.entry(url.origin().ascii_serialization());
        Arc::clone(origin.or_insert_with(|| Arc::new(Origin::new(places, window).keeping_none())))
    }
}
