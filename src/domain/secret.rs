//! Where a secret comes from. Secrets are `SecretString` from birth; nothing here prints one.

use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::file;

const LARGEST: u64 = 64 * 1024;

/// A secret's source. Equality compares the secrets themselves, so that a reload sees a change.
#[derive(Clone)]
pub enum SecretSource {
    /// Written in the configuration or taken from the environment.
    Literal(SecretString),
    /// A file, read again at each use; one trailing newline is dropped.
    File(PathBuf),
}

#[derive(Debug, thiserror::Error)]
#[error("failed to read secret file {path}: {cause}", path = file::shown(.path))]
pub struct SecretError {
    path: PathBuf,
    cause: String,
}

impl SecretSource {
    pub fn read(&self) -> Result<SecretString, SecretError> {
        match self {
            Self::Literal(secret) => Ok(secret.clone()),
            Self::File(path) => read_file(path),
        }
    }

    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Literal(_) => None,
            Self::File(path) => Some(path),
        }
    }
}

fn read_file(path: &Path) -> Result<SecretString, SecretError> {
    let error = |cause: String| SecretError { path: path.to_owned(), cause };
    let bytes = file::read(path, LARGEST).map_err(|e| error(e.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| error("not UTF-8".into()))?;
    let secret = text.strip_suffix('\n').unwrap_or(&text);
    let secret = secret.strip_suffix('\r').unwrap_or(secret);
    if secret.is_empty() {
        return Err(error("empty".into()));
    }
    Ok(SecretString::from(secret))
}

impl SecretError {
    /// The same with what to do.
    pub fn with_fix(&self) -> String {
        format!(
            "{self}; restore the file or give this user permission to read it: it is read again within the \
             failure interval"
        )
    }
}

impl Eq for SecretSource {}

impl Hash for SecretSource {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Literal(secret) => secret.expose_secret().hash(state),
            Self::File(path) => path.hash(state),
        }
    }
}

impl PartialEq for SecretSource {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Literal(a), Self::Literal(b)) => a.expose_secret() == b.expose_secret(),
            (Self::File(a), Self::File(b)) => a == b,
            _ => false,
        }
    }
}

impl std::fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Literal(_) => f.write_str("Literal([REDACTED])"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}
