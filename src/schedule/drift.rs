//! What the log says of extensions that are missing or not expected: how many, never which.

use crate::board::TargetState;
use crate::domain::extensions::Drift;

/// Logs each change, once.
pub(super) fn tell(target: &str, old: &TargetState, new: &TargetState) {
    let (Some(is), was) = (new.drift.as_deref(), old.drift.as_deref()) else { return };
    let was_drift = was.and_then(|was| was.as_ref().ok()).is_some_and(Drift::is_any);
    match is {
        Err(cause) if was.is_none_or(|was| was.as_ref().err() != Some(cause)) => {
            tracing::warn!(target, %cause, "extensions cannot be compared with the expected ones");
        }
        Ok(drift) if drift.has_no_match() && !was_drift => tracing::warn!(
            target,
            missing = drift.missing.count,
            unexpected = drift.unexpected.count,
            "no extension is on both sides: the expected list is another PBX's, has another column, or writes the numbers otherwise"
        ),
        Ok(drift) if drift.is_any() && !was_drift => tracing::warn!(
            target,
            missing = drift.missing.count,
            unexpected = drift.unexpected.count,
            "extensions differ from the expected ones; the page lists them"
        ),
        Ok(drift) if !drift.is_any() && (was_drift || was.is_some_and(Result::is_err)) => {
            tracing::info!(target, expected = drift.expected, "extensions are the expected ones");
        }
        _ => {}
    }
}
