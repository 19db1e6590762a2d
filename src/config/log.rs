//! `log`: the PBX's own logs on this machine.

use std::collections::HashSet;

use super::checker::Checker;
use super::issue::Level;
use super::raw;
use crate::domain::target::{LogFile, LogFormat};
use crate::logfile;

/// Checks `log`. A file that is absent or unreadable now is a condition of the running exporter, no error.
pub(super) fn check(c: &mut Checker<'_>, raw: Option<&[raw::LogFile]>) -> Vec<LogFile> {
    let mut seen = HashSet::new();
    let mut files = Vec::new();
    for (i, raw) in raw.into_iter().flatten().enumerate() {
        let key = format!("log[{i}].path");
        let path = c.root.nearest(&key).place.resolve(&raw.path);
        if raw.path.as_os_str().is_empty() {
            c.error(&key, "is empty; give the file, as in /var/log/asterisk/gql_api_error.log");
        } else if !seen.insert(path.clone()) {
            c.error(&key, "this target names the file twice; keep one");
        } else if let Err(refused) = logfile::refused(&path) {
            c.error(&key, refused);
        } else if let Err(error) = path.metadata() {
            c.add(Level::Note, &key, format!("{} cannot be followed yet: {error}", path.display()));
        }
        files.push(LogFile { path, format: format(raw.format) });
    }
    files
}

fn format(raw: raw::LogFormat) -> LogFormat {
    match raw {
        raw::LogFormat::GqlApiError => LogFormat::GqlApiError,
        raw::LogFormat::AccessLog => LogFormat::AccessLog,
        raw::LogFormat::FreepbxLog => LogFormat::FreepbxLog,
    }
}
