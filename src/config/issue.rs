//! What is wrong with a configuration, where, and how to fix it.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// In a file, at a line and column from 1.
    File(Arc<str>, u64, u64),
    /// A file or pattern as a whole; an environment variable or a flag, on the routes without a file.
    Whole(Arc<str>),
}

impl Place {
    /// What relative file names at this place start from: the folder of the file, as in Prometheus.
    pub(super) fn resolve(&self, path: &Path) -> PathBuf {
        match self {
            Self::File(file, ..) => {
                Path::new(&**file).parent().map_or_else(|| path.to_owned(), |folder| folder.join(path))
            }
            Self::Whole(_) => path.to_owned(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file, line, column) => write!(f, "{file}:{line}:{column}"),
            Self::Whole(name) => f.write_str(name),
        }
    }
}

/// One thing that is wrong or odd.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Issue {
    pub place: Place,
    /// The key, as a path from the file's root; empty where none is concerned.
    pub key: String,
    /// What is wrong; how to fix it. Never a secret.
    pub text: String,
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::File(..) if !self.key.is_empty() => {
                write!(f, "{}: {}: {}", self.place, self.key, self.text)
            }
            place => write!(f, "{place}: {}", self.text),
        }
    }
}

/// All that is wrong with a configuration, one a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub(crate) Vec<Issue>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, issue) in self.0.iter().enumerate() {
            write!(f, "{}{issue}", if i == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Level {
    Error,
    /// A secret file that cannot be read now: one target fails meanwhile, the others need not.
    Unreadable,
    Warning,
    /// What the service could not do as things are now, seen by whoever runs the check.
    Unable,
    Note,
}

/// What a check has found so far. What many targets inherit is reported once.
#[derive(Default)]
pub(super) struct Report {
    found: Vec<(Level, Issue)>,
    seen: HashSet<(Level, Issue)>,
    errors: usize,
}

impl Report {
    pub fn add(&mut self, level: Level, place: &Place, key: impl Into<String>, text: impl Into<String>) {
        let found = (level, Issue { place: place.clone(), key: key.into(), text: text.into() });
        if self.seen.insert(found.clone()) {
            self.errors += usize::from(level == Level::Error);
            self.found.push(found);
        }
    }

    pub fn error(&mut self, place: &Place, key: impl Into<String>, text: impl Into<String>) {
        self.add(Level::Error, place, key, text);
    }

    pub fn errors(&self) -> usize {
        self.errors
    }

    /// What was found at these levels, in the order found.
    pub fn take(&mut self, levels: &[Level]) -> Vec<Issue> {
        let (taken, rest) =
            std::mem::take(&mut self.found).into_iter().partition(|(level, _)| levels.contains(level));
        self.found = rest;
        taken.into_iter().map(|(_, issue)| issue).collect()
    }
}
