//! How the page shows extensions that are missing or not expected.

use maud::{Markup, html};

use crate::board::TargetState;
use crate::domain::extensions::{Drift, Ids};

pub(super) fn is_odd(state: &TargetState) -> bool {
    state.drift.as_deref().is_some_and(|drift| drift.as_ref().map_or(true, Drift::is_any))
}

/// Which extensions are missing or not expected, or why they were not compared; else nothing.
pub(super) fn paragraph(state: &TargetState) -> Markup {
    html! {
        @match state.drift.as_deref() {
            Some(Ok(drift)) if drift.is_any() => p {
                code { "extensions: drift" } " "
                span.dim { "compared with " (drift.expected) " expected" }
                (ids("missing", &drift.missing))
                (ids("not expected", &drift.unexpected))
                @if drift.has_no_match() {
                    br;
                    (Drift::NO_MATCH)
                }
                @if let Some((missing, unexpected)) = drift.zeros.first() {
                    br;
                    (missing) " and " (unexpected) " differ only in leading zeros: spreadsheets drop them."
                }
            },
            Some(Err(cause)) => p { code { "extensions: not compared" } br; (cause) },
            _ => {}
        }
    }
}

fn ids(what: &str, ids: &Ids) -> Markup {
    let more = ids.count.saturating_sub(ids.first.len() as u64);
    html! {
        @if ids.count > 0 {
            br;
            (ids.count) " " (what) ": " (ids.first.join(", "))
            @if more > 0 { " and " (more) " more" }
        }
    }
}
