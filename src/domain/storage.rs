//! Where tokens are kept over a restart.

use std::path::PathBuf;

use super::SecretSource;

/// What a key has to be, as the end of a sentence.
pub const KEY_FORM: &str =
    "is not a key; write 32 random bytes as 64 hexadecimal digits or in Base64: `openssl rand -hex 32`";

#[derive(Clone, Debug, PartialEq)]
pub struct StorageSettings {
    /// The folder, mode 0700.
    pub path: PathBuf,
    /// The key by which its files are sealed; `None`: they are as readable as their mode lets them be.
    pub key: Option<SecretSource>,
}
