//! The embedded descriptions, each parsed when it is first used.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use crate::domain::Platform;

macro_rules! embedded {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("descriptions/", $name, ".yaml")))),+]
    };
}

/// The platform of a target that names none.
pub const DEFAULT: &str = "freepbx";

/// Name and text, in the order in which people are told of them.
const TEXTS: &[(&str, &str)] = embedded![
    "freepbx",
    "ringme",
    "3cx",
    "zoom-phone",
    "ringcentral",
    "netsapiens",
    "portsip",
    "yeastar",
    "8x8",
    "wildix",
    "dialpad",
];

static PARSED: LazyLock<Mutex<HashMap<&'static str, Arc<Platform>>>> = LazyLock::new(Mutex::default);

/// The embedded platform of that name.
pub fn builtin(name: &str) -> Option<Arc<Platform>> {
    let (name, text) = TEXTS.iter().find(|(known, _)| *known == name)?;
    let mut parsed = PARSED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(platform) = parsed.get(name) {
        return Some(platform.clone());
    }
    // A test parses each.
    let mut platform: Platform = serde_saphyr::from_str(text).ok()?;
    platform.name = (*name).into();
    let platform = Arc::new(platform);
    parsed.insert(name, platform.clone());
    Some(platform)
}

/// The names of the embedded platforms.
pub fn names() -> impl Iterator<Item = &'static str> {
    TEXTS.iter().map(|(name, _)| *name)
}

/// The text of an embedded description, an example of how to write one.
pub fn text(name: &str) -> Option<&'static str> {
    TEXTS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}
