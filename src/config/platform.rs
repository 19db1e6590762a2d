//! `platforms`: a user's own descriptions, in the form of the embedded ones; and which one a target means.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use super::Lookup;
use super::checker::Checker;
use super::issue::Report;
use super::structure::{self, printable, suggest};
use super::tree::Entry;
use crate::domain::Platform;
use crate::domain::platform::Reader;
use crate::platform;

/// A user's own platforms; `None` for one that has errors, which were reported.
#[derive(Default)]
pub(super) struct Platforms {
    own: HashMap<String, Option<Arc<Platform>>>,
    /// Of platforms below a path, one for all targets that have it in common; by name and path.
    below: RefCell<HashMap<String, Arc<Platform>>>,
}

impl Platforms {
    pub fn described(entries: &[Entry], sound: bool, lookup: Lookup<'_>, report: &mut Report) -> Self {
        let mut platforms = Self::default();
        for entry in entries {
            let is_sound = sound || structure::is_sound(&entry.node, "Platform");
            let path = format!("platforms.{}", printable(&entry.key));
            let c = Checker { root: &entry.node, path, lookup, report: &mut *report };
            let platform = own(c, entry, platforms.own.contains_key(&entry.key), is_sound);
            platforms.own.insert(entry.key.clone(), platform);
        }
        platforms
    }

    /// The one that a target means; `None` only after reporting an error.
    pub fn find(&self, c: &mut Checker<'_>, name: &str) -> Option<Arc<Platform>> {
        if let Some(own) = self.own.get(name) {
            return own.clone();
        }
        let found = platform::builtin(name);
        if found.is_none() {
            let mut known: Vec<_> = platform::names().collect();
            known.extend(self.own.keys().map(String::as_str));
            let hint = suggest(name, &known);
            let text = format!(
                "unknown platform `{}`; {hint}use one of: {}, or describe it under `platforms:`",
                printable(name),
                known.join(", ")
            );
            c.error("platform", text);
        }
        found
    }
}

impl Platforms {
    /// The platform as it is below a path.
    pub fn below(&self, platform: &Platform, prefix: &str) -> Arc<Platform> {
        let mut made = self.below.borrow_mut();
        let entry = made.entry(format!("{} {prefix}", platform.name));
        Arc::clone(entry.or_insert_with(|| Arc::new(platform.below(prefix))))
    }
}

fn own(mut c: Checker<'_>, entry: &Entry, taken: bool, is_sound: bool) -> Option<Arc<Platform>> {
    let name = entry.key.as_str();
    let before = c.report.errors();
    let fit = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    let wrong = if !(1..=64).contains(&name.len()) || !name.bytes().all(fit) {
        Some("is no name for a platform; use a-z, 0-9, `-` and `_`")
    } else if platform::builtin(name).is_some() {
        Some("is built in; give yours another name")
    } else {
        taken.then_some("is also in another file; keep one, it applies to all files")
    };
    if let Some(wrong) = wrong {
        c.report.error(&entry.place, c.path.clone(), wrong);
    }
    if !is_sound {
        return None;
    }
    let mut platform: Platform = c.read("docs/platforms.md")?;
    if platform.reader == Reader::Freepbx {
        c.error("reader", "is for the embedded description of FreePBX alone; remove it");
    }
    for (key, text) in platform::problems(&platform) {
        c.error(&key, text);
    }
    platform.name = name.into();
    (c.report.errors() == before).then(|| Arc::new(platform))
}
