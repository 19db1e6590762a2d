//! The newest second count of a target's extensions.

use std::sync::Arc;

use crate::domain::host_count::HostCountKind;

/// What the PBX host itself said, past its API.
#[derive(Clone, Debug, PartialEq)]
pub struct HostCount {
    pub kind: HostCountKind,
    /// The count; or, for people, why there is none and how to fix that.
    pub count: Result<u64, Arc<str>>,
    pub at: f64,
}
