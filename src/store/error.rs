//! Why the storage cannot be used, and what mends it.

use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(
        "the token storage {} is in use by another pbx_exporter; stop that one, or give this one a storage of its own",
        .0.display()
    )]
    Locked(PathBuf),
    #[error("failed to {doing} {}: {cause}; this user needs to read and write there, and the disk needs room", path.display())]
    Io { path: PathBuf, doing: &'static str, cause: io::Error },
    #[error(
        "there is no token storage {} yet, and one that root made the service could not use: start the service first, or run \
         this as its user",
        .0.display()
    )]
    NoFolder(PathBuf),
    #[error(
        "{} may be read by others than its owner; whoever could may have its tokens: chmod 600 it, or remove it and \
         confirm access anew",
        .0.display()
    )]
    TooOpen(PathBuf),
    #[error("{} was sealed with {}; give storage.key_file the file with the key it was written with", path.display(), what)]
    Sealed { path: PathBuf, what: &'static str },
    #[error(
        "the configured refresh token was first used by the target {target:?} ({}): it is most likely spent, and what came for it \
         is kept under that name. Give this target that name again, or a refresh token of its own; if it was never sent, \
         remove that file",
        path.display()
    )]
    Seed { path: PathBuf, target: String },
    #[error("failed to use storage.key_file: {0}")]
    Key(String),
}
