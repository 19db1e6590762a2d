//! The configuration: files and environment to raw serde structs to checked values.
//!
//! Belongs here: reading, inheriting, checking, and errors that name file, line, key and fix. Does
//! not belong here: contacting anyone.

mod auth;
mod call;
mod checker;
mod client;
mod credential;
mod env;
mod expected;
mod host_count_settings;
mod inherit;
mod issue;
mod limits;
mod load;
mod log;
mod neighbour;
mod parts;
mod platform;
mod raw;
pub mod schema;
mod secret;
mod storage;
mod structure;
mod target;
mod times;
mod together;
mod tree;
mod url;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::target::ClientSettings;
use crate::domain::{StorageSettings, Target};

pub(crate) use credential::{Credential, credentials, told_grant, unattended, variable};
pub(crate) use env::{AdHoc, named_by};
pub use issue::ConfigErrors;
pub use load::load;
pub(crate) use load::{load_ad_hoc, load_tried};
pub use url::normalise_url;

pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// How TLS and proxy are tried out; an error has the key of the target that is wrong, the cause, and the fix.
pub(crate) type TryOut<'a> = &'a dyn Fn(&ClientSettings) -> Result<(), (&'static str, String)>;

#[derive(Clone, Debug, Default)]
pub struct Config {
    /// All targets, in the order of the files; names are unique.
    pub targets: Vec<Arc<Target>>,
    pub limits: Limits,
    pub storage: Option<StorageSettings>,
    /// Whether there is a page for confirmations.
    pub has_page: bool,
    /// The address under which people reach it.
    pub external_url: Option<::url::Url>,
    /// Secret files that cannot be read now, in the same form as an error: `check` takes them for errors, a
    /// service goes on with the other targets.
    pub unreadable: Vec<String>,
    /// What is allowed but unsafe or odd: each a sentence that names file, line, key and fix.
    pub warnings: Vec<String>,
    /// What the service cannot do as things are now: the user of `check` is often another, so these are notes.
    pub unable: Vec<String>,
    /// How the configuration was read, where that is worth reporting; in the same form.
    pub notes: Vec<String>,
    /// The files read, in order; empty when the environment alone configured one target.
    pub files: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Probes in flight at once, overall.
    pub probes_in_flight: usize,
    /// Probes in flight at once to one host.
    pub probes_per_host: usize,
    /// Refusing answers that one origin may give within `refusal_window`, over all targets.
    pub refusals_per_origin: usize,
    pub refusal_window: Duration,
}

impl Default for Limits {
    /// Fail2ban's jail for the FreePBX API bans at 8 tries in 2400 s: 6 keeps two away.
    fn default() -> Self {
        Self {
            probes_in_flight: 100,
            probes_per_host: 4,
            refusals_per_origin: 6,
            refusal_window: Duration::from_secs(2400),
        }
    }
}
