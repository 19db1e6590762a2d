//! The configuration, from files and environment to checked values.

mod bad;
mod command;
mod docs;
mod environment;
mod expected;
mod good;
mod host_count;
mod inheritance;
mod platforms_docs;
mod warnings;

use std::path::{Path, PathBuf};

use pbx_exporter::config::{Config, ConfigErrors, load};
use tempfile::TempDir;

/// A folder of its own for a test's files.
struct Files(TempDir);

impl Files {
    fn new(files: &[(&str, &str)]) -> Self {
        let files_ = Self(tempfile::tempdir().expect("a temporary folder"));
        for (name, text) in files {
            files_.write(name, text, 0o600);
        }
        files_
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str, mode: u32) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, text).expect("a file");
        set_mode(&path, mode);
    }

    /// Loads patterns relative to the folder, which is cut from all messages again.
    fn load(&self, patterns: &[&str]) -> Result<Config, String> {
        let patterns: Vec<_> = patterns.iter().map(|p| self.path(p).display().to_string()).collect();
        let folder = format!("{}/", self.0.path().display());
        let mut config = load(&patterns, &|_| None).map_err(|e| e.to_string().replace(&folder, ""))?;
        let lines = config.warnings.iter_mut().chain(&mut config.notes).chain(&mut config.unable);
        for line in lines.chain(&mut config.unreadable) {
            *line = line.replace(&folder, "");
        }
        Ok(config)
    }
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("permissions");
}

#[cfg(not(unix))]
fn set_mode(_: &Path, _: u32) {}

/// Loads one file with this text and no environment.
fn load_text(text: &str) -> Result<Config, String> {
    Files::new(&[("pbx.yml", text)]).load(&["pbx.yml"])
}

/// A file with one target, whose `auth` and further keys are given in flow style.
fn one_target(auth: &str, rest: &str) -> String {
    let rest = if rest.is_empty() { String::new() } else { format!(", {rest}") };
    format!(
        "targets: [{{name: office, url: 'https://pbx.example.com', auth: {{client_id: abc, client_secret: \
         not-a-real-secret{auth}}}{rest}}}]"
    )
}

fn load_environment(variables: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    let lookup =
        |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    load(&[], &lookup)
}
