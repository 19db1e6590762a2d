//! The forms of a secret: literal, `_file`, `_env`; and who else may read the files that hold them.

use std::fs;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::check::Checker;
use super::issue::{Level, Place};
use crate::domain::SecretSource;

/// A secret as written: at most one form is given.
pub(super) struct Forms<'a> {
    /// Path of the literal key; the others add `_file` and `_env`.
    pub key: &'a str,
    pub literal: Option<&'a SecretString>,
    pub file: Option<&'a PathBuf>,
    pub env: Option<&'a String>,
}

impl Forms<'_> {
    pub fn is_given(&self) -> bool {
        self.literal.is_some() || self.file.is_some() || self.env.is_some()
    }

    /// The key of the form that is given, for naming its place.
    pub fn given_key(&self) -> String {
        let suffix = match (self.literal, self.file, self.env) {
            (None, Some(_), _) => "_file",
            (None, None, Some(_)) => "_env",
            _ => "",
        };
        format!("{}{suffix}", self.key)
    }

    /// The source, after reporting what is wrong with it; `None` where there is none or an error.
    pub fn check(&self, c: &mut Checker<'_>) -> Option<SecretSource> {
        let count = [self.literal.is_some(), self.file.is_some(), self.env.is_some()];
        if count.iter().filter(|given| **given).count() > 1 {
            let name = self.key.rsplit('.').next().unwrap_or(self.key);
            c.error(
                &self.given_key(),
                format!("the secret is given in two forms; keep one of {name}, {name}_file, {name}_env"),
            );
            return None;
        }
        let key = self.given_key();
        match (self.literal, self.file, self.env) {
            (Some(secret), ..) => literal(c, &key, secret),
            (_, Some(path), _) => file(c, &key, path),
            (.., Some(name)) => variable(c, &key, name).map(SecretSource::Literal),
            _ => None,
        }
    }

    /// The same, where the domain keeps the secret itself: read now.
    pub fn read(&self, c: &mut Checker<'_>) -> Option<SecretString> {
        let source = self.check(c)?;
        c.accept(&self.given_key(), source.read())
    }
}

fn literal(c: &mut Checker<'_>, key: &str, secret: &SecretString) -> Option<SecretSource> {
    if secret.expose_secret().is_empty() {
        c.error(key, "is empty; give the secret or remove the key");
        return None;
    }
    if let Place::File(name, ..) = &c.root.nearest(key).place
        && mode(Path::new(&**name)) & OTHERS != 0
    {
        let place = Place::Whole(name.clone());
        c.report.add(
            Level::Warning,
            &place,
            "",
            "holds secrets and every user of this machine may read it; chmod o-r, or move them to files",
        );
    }
    Some(SecretSource::Literal(secret.clone()))
}

/// Reads the file once, so that a wrong one shows at start; it stays the source.
pub(super) fn file(c: &mut Checker<'_>, key: &str, path: &Path) -> Option<SecretSource> {
    let path = c.root.nearest(key).place.resolve(path);
    let source = SecretSource::File(path.clone());
    if let Err(error) = source.read() {
        c.error(key, format!("{error}; give a file with the secret that this user may read"));
        return None;
    }
    // Not the group's bit: systemd's LoadCredential and Kubernetes' fsGroup set it on purpose.
    if mode(&path) & OTHERS != 0 {
        c.warning(key, format!("{} may be read by every user of this machine; chmod o-r", path.display()));
    }
    Some(source)
}

/// The value of an environment variable; unset and empty are the same error.
pub(super) fn variable(c: &mut Checker<'_>, key: &str, name: &str) -> Option<SecretString> {
    let value = (c.lookup)(name).filter(|value| !value.is_empty());
    if value.is_none() {
        let name = if is_plain_name(name) { name } else { "of this name" };
        c.error(key, format!("environment variable {name} is unset or empty; set it for the exporter"));
    }
    value.map(SecretString::from)
}

/// Whether it surely is a variable's name: people paste the secret itself here, which is not repeated.
fn is_plain_name(name: &str) -> bool {
    name.len() <= 64 && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

const OTHERS: u32 = 0o004;

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).map_or(0, |meta| meta.permissions().mode())
}

#[cfg(not(unix))]
fn mode(_: &Path) -> u32 {
    0
}
