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

use std::time::Duration;

use tokio::task::JoinSet;

use crate::domain::reference::{ReferenceSettings, ReferenceSource};

pub use error::ReferenceError;

/// Counts once, within the configured timeout.
///
/// # Errors
/// Each is a sentence with its mend.
pub async fn count_once(settings: &ReferenceSettings) -> Result<u64, ReferenceError> {
    let (source, timeout) = (settings.source.clone(), settings.timeout);
    let count = async move {
        match source {
            ReferenceSource::Asterisk(asterisk) => asterisk::count(&asterisk).await,
            ReferenceSource::Database(database) => database::count(&database, timeout).await,
        }
    };
    contained(timeout, count).await
}

/// What `count` gives, within `timeout` and whatever becomes of it.
async fn contained(
    timeout: Duration,
    count: impl Future<Output = Result<u64, ReferenceError>> + Send + 'static,
) -> Result<u64, ReferenceError> {
    // A task of its own, because the database driver panics at some ways to authenticate that it does not
    // have. Dropped at the timeout or by the caller, the task is aborted: the child is killed, the connection closed.
    let mut task = JoinSet::new();
    task.spawn(count);
    match tokio::time::timeout(timeout, task.join_next()).await {
        Ok(Some(Ok(count))) => count,
        Ok(_) => Err(ReferenceError::Panicked),
        Err(_) => Err(ReferenceError::Timeout(timeout)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_count_that_panics_or_hangs_is_a_failed_count_and_no_more() {
        let panicked =
            contained(TIMEOUT, async { panic!("as mysql_async does for an account of parsec") }).await;
        assert!(matches!(panicked, Err(ReferenceError::Panicked)), "{panicked:?}");
        let late = contained(TIMEOUT, std::future::pending()).await;
        assert!(matches!(late, Err(ReferenceError::Timeout(TIMEOUT))), "{late:?}");
        assert!(matches!(contained(TIMEOUT, async { Ok(3) }).await, Ok(3)));
    }
}
