//! Why the storage cannot be used, and what mends it.

use std::io;
use std::path::PathBuf;

/// Why the storage cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process owns it.
    #[error(
        "the token storage {} is in use by another pbx_exporter; stop that one, or give this one a storage of its own",
        .0.display()
    )]
    Locked(PathBuf),
    /// The file system says no.
    #[error("failed to {doing} {}: {cause}; this user needs to read and write there, and the disk needs room", path.display())]
    Io {
        /// Of what.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// Why it failed.
        cause: io::Error,
    },
    /// Root would make it for itself.
    #[error(
        "there is no token storage {} yet, and one that root made the service could not use: start the service first, or run \
         this as its user",
        .0.display()
    )]
    NoFolder(PathBuf),
    /// Somebody else may have read it.
    #[error(
        "{} may be read by others than its owner; whoever could may have its tokens: chmod 600 it, or remove it and \
         confirm access anew",
        .0.display()
    )]
    TooOpen(PathBuf),
    /// It is sealed and there is no key, or another one.
    #[error("{} was sealed with {}; give storage.key_file the file with the key it was written with", path.display(), what)]
    Sealed {
        /// The file.
        path: PathBuf,
        /// With which key.
        what: &'static str,
    },
    /// The configured refresh token belongs to a target of another name.
    #[error(
        "the configured refresh token was first used by the target {target:?} ({}): it is most likely spent, and what came for it \
         is kept under that name. Give this target that name again, or a refresh token of its own; if it was never sent, \
         remove that file",
        path.display()
    )]
    Seed {
        /// What says so.
        path: PathBuf,
        /// Which one.
        target: String,
    },
    /// The key itself.
    #[error("failed to use storage.key_file: {0}")]
    Key(String),
}
