//! A second count of the extensions, taken on the PBX host itself and without its API, so that "the API is
//! wrong" and "the extensions are gone" can be distinguished.
//!
//! Belongs here: one count from one source, and the sentence for each way in which it fails. Does not
//! belong here: when to count (`schedule`) and what a difference means (`web`). Nothing here changes
//! anything on the PBX, and no text of the far side leaves this module.

mod asterisk;
mod child;
mod database;
mod error;
mod parse;

use crate::domain::host_count::{HostCountSettings, HostCountSource};

pub(crate) use database::installed as database_program;
pub use error::HostCountError;

/// Counts once, within the configured timeout.
pub async fn count_once(settings: &HostCountSettings) -> Result<u64, HostCountError> {
    let count = async {
        match &settings.source {
            HostCountSource::Asterisk(asterisk) => asterisk::count(asterisk).await,
            HostCountSource::Database(database) => database::count(database, settings.timeout).await,
        }
    };
    // Dropped at the timeout or by the caller, the child is killed.
    let late = |_| Err(HostCountError::Timeout(settings.timeout));
    tokio::time::timeout(settings.timeout, count).await.unwrap_or_else(late)
}
