//! Why the storage cannot be used, and the fix.

use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(
        "the token storage {} is in use by another pbx_exporter; stop that one, or give this one its own \
         storage",
        .0.display()
    )]
    Locked(PathBuf),
    #[error("failed to {doing} {}: {cause}; check that this user may read and write there and that the disk \
     has free space", path.display())]
    Io { path: PathBuf, doing: &'static str, cause: io::Error },
    #[error(
        "there is no token storage {} yet, and the service could not use one created by root: start the \
         service first, or run this as its user",
        .0.display()
    )]
    NoFolder(PathBuf),
    #[error(
        "{} is readable by other users, who may have copied its tokens: chmod 600 it, or remove it and \
         confirm access again",
        .0.display()
    )]
    TooOpen(PathBuf),
    #[error("{} was sealed with {}; set storage.key_file to the file with that key", path.display(), what)]
    Sealed { path: PathBuf, what: &'static str },
    #[error(
        "the configured refresh token was first used by the target {target:?} ({}): it is most likely used \
         up, and its replacement is kept under that name. Give this target that name again, or its own \
         refresh token; if it was never sent, remove that file",
        path.display()
    )]
    Seed { path: PathBuf, target: String },
    #[error("failed to use storage.key_file: {0}")]
    Key(String),
}
