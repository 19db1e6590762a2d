//! From patterns to files, and from files to one merged configuration.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::issue::{Issue, Level, Place, Report};
use super::parts::Parts;
use super::secret::unexpanded;
use super::tree::{self, Data, Node};
use super::{AdHoc, Config, ConfigErrors, Lookup, TryOut, env, structure};
use crate::domain::file;

/// The largest configuration file, bytes: enough for ten thousand targets with all their keys.
const LARGEST: u64 = 16 * 1024 * 1024;

/// Loads the configuration: the files that the patterns name, or, without any pattern, the one target
/// that environment variables describe. Contacts nobody.
pub fn load(patterns: &[String], lookup: Lookup<'_>) -> Result<Config, ConfigErrors> {
    load_tried(patterns, lookup, &|_| Ok(()))
}

/// The same, with TLS and proxy tried out as well.
pub(crate) fn load_tried(
    patterns: &[String],
    lookup: Lookup<'_>,
    try_out: TryOut<'_>,
) -> Result<Config, ConfigErrors> {
    let mut report = Report::default();
    // An empty one comes from an empty variable, which counts as unset.
    let patterns: Vec<_> = patterns.iter().map(String::as_str).filter(|p| !p.is_empty()).collect();
    let (parts, files) = if patterns.is_empty() {
        (env::parts(lookup, &mut report), Vec::new())
    } else {
        read_files(&patterns, &mut report)
    };
    checked(parts, files, lookup, try_out, report)
}

/// Loads the one target that a command's flags describe, with credentials from variables. Contacts nobody.
pub(crate) fn load_ad_hoc(
    given: &AdHoc<'_>,
    lookup: Lookup<'_>,
    try_out: TryOut<'_>,
) -> Result<Config, ConfigErrors> {
    let mut report = Report::default();
    let parts = env::ad_hoc(given, lookup, &mut report);
    checked(parts, Vec::new(), lookup, try_out, report)
}

fn checked(
    parts: Parts,
    files: Vec<PathBuf>,
    lookup: Lookup<'_>,
    try_out: TryOut<'_>,
    mut report: Report,
) -> Result<Config, ConfigErrors> {
    let mut config = parts.config(lookup, try_out, &mut report);
    if report.errors() > 0 {
        return Err(ConfigErrors(report.take(&[Level::Error, Level::Unreadable])));
    }
    let lines = |issues: Vec<Issue>| issues.iter().map(Issue::to_string).collect();
    config.unreadable = lines(report.take(&[Level::Unreadable]));
    config.warnings = lines(report.take(&[Level::Warning]));
    config.unable = lines(report.take(&[Level::Unable]));
    config.notes = lines(report.take(&[Level::Note]));
    config.files = files;
    Ok(config)
}

fn read_files(patterns: &[&str], report: &mut Report) -> (Parts, Vec<PathBuf>) {
    let files = expand(patterns, report);
    let mut parts = Parts::default();
    for path in &files {
        if let Some(root) = read_file(path, report) {
            parts.add(root, report);
        }
    }
    parts.sound = report.errors() == 0;
    if report.errors() == 0 && parts.targets.is_empty() {
        let place = whole(&files[0].display().to_string());
        report.error(&place, "", "has no targets; add `targets:` with at least one name, url and auth");
    }
    (parts, files)
}

fn read_file(path: &Path, report: &mut Report) -> Option<Node> {
    let name: Arc<str> = path.display().to_string().into();
    let text = match read_text(path) {
        Ok(text) => text,
        Err(error) => {
            let text = format!("failed to read: {error}; name a text file that this user may read");
            report.error(&Place::Whole(name), "", text);
            return None;
        }
    };
    let root = tree::parse(&text, &name, report)?;
    if !matches!(root.data, Data::Null) {
        structure::report_misfits(&root, report);
    }
    Some(root)
}

fn read_text(path: &Path) -> io::Result<String> {
    String::from_utf8(file::read(path, LARGEST)?).map_err(|_| io::Error::other("it is not UTF-8"))
}

fn whole(name: &str) -> Place {
    Place::Whole(name.into())
}

/// The files that the patterns name, in the order of the patterns, each once; a glob's are sorted.
fn expand(patterns: &[&str], report: &mut Report) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for pattern in patterns {
        let is_glob = pattern.contains(['*', '?', '[']) && !Path::new(pattern).exists();
        let found = if is_glob { expand_glob(pattern) } else { expand_path(pattern) };
        match found {
            Ok(found) => files.extend(found),
            Err(text) => report.error(&whole(pattern), "", text),
        }
    }
    let mut seen = HashSet::new();
    files.retain(|file| seen.insert(file.canonicalize().unwrap_or_else(|_| file.clone())));
    files
}

fn expand_path(path: &str) -> Result<Vec<PathBuf>, String> {
    let file = PathBuf::from(path);
    match file.metadata() {
        Ok(meta) if meta.is_dir() => Err(format!("is a folder; name its files, as in '{path}/*.yml'")),
        Ok(_) => Ok(vec![file]),
        Err(error) => {
            let fix = unexpanded(&file).unwrap_or("set --config.file to an existing file or a glob");
            Err(format!("failed to read: {error}; {fix}"))
        }
    }
}

fn expand_glob(pattern: &str) -> Result<Vec<PathBuf>, String> {
    let paths = glob::glob(pattern).map_err(|e| format!("is not a valid glob: {}; correct it", e.msg))?;
    let files: Result<Vec<_>, _> = paths.collect();
    let mut files = files.map_err(|e| format!("failed to look for files: {e}; correct the permissions"))?;
    files.retain(|file| !file.is_dir());
    files.sort();
    if files.is_empty() {
        return Err("the glob matches no file; correct it, and quote it for the shell".to_owned());
    }
    Ok(files)
}
