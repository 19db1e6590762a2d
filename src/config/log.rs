//! `log`: the PBX's own logs on this machine.

use std::collections::HashSet;

use super::checker::Checker;
use super::issue::Level;
use crate::domain::target::LogFile;
use crate::logfile;

/// Checks `log`. A file that is absent, unreadable or of another format now is a condition of the
/// running exporter, no error.
pub(super) fn followed(c: &mut Checker<'_>, raw: Option<&[LogFile]>, prefix: &str) -> Vec<LogFile> {
    let mut seen = HashSet::new();
    let mut files = Vec::new();
    for (i, raw) in raw.into_iter().flatten().enumerate() {
        let (key, before) = (format!("log[{i}].path"), c.report.errors());
        let path = c.root.nearest(&key).place.resolve(&raw.path);
        if raw.path.as_os_str().is_empty() {
            c.error(&key, "is empty; name the file, as in /var/log/asterisk/gql_api_error.log");
        } else if !seen.insert(path.clone()) {
            c.error(&key, "this target names the file twice; keep one");
        } else if let Err(refused) = logfile::refused(&path) {
            c.error(&key, refused);
        }
        let file = LogFile { path, format: raw.format, prefix: prefix.to_owned() };
        if c.report.errors() == before
            && let Some(problem) = logfile::problem(&file)
        {
            c.add(Level::Unable, &key, format!("{} {problem}", file.path.display()));
        }
        files.push(file);
    }
    files
}
