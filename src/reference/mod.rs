//! A second count of the extensions, taken on the PBX host itself and past its API, so that "the API does
//! not tell the truth" and "the extensions are gone" can be told apart.
//!
//! Belongs here: one count from one source, and the sentence for each way in which it fails. Does not
//! belong here: when to count (`schedule`) and what a difference means (`web`). Nothing here changes
//! anything on the PBX, and no text of the far side leaves this room.

mod asterisk;
mod database;
mod error;
mod parse;

use tokio::task::JoinSet;

use crate::domain::reference::{ReferenceSettings, ReferenceSource};

pub use error::ReferenceError;

/// Counts once, within the configured timeout.
///
/// # Errors
/// Each is a sentence with its mend.
pub async fn count_once(settings: &ReferenceSettings) -> Result<u64, ReferenceError> {
    let (source, timeout) = (settings.source.clone(), settings.timeout);
    // A task of its own, because the database driver panics at some ways to authenticate that it does not
    // have. Dropped at the timeout or by the caller, the task is aborted: the child is killed, the connection closed.
    let mut task = JoinSet::new();
    task.spawn(async move {
        match source {
            ReferenceSource::Asterisk(asterisk) => asterisk::count(&asterisk).await,
            ReferenceSource::Database(database) => database::count(&database, timeout).await,
        }
    });
    match tokio::time::timeout(timeout, task.join_next()).await {
        Ok(Some(Ok(count))) => count,
        Ok(_) => Err(ReferenceError::Panicked),
        Err(_) => Err(ReferenceError::Timeout(timeout)),
    }
}
