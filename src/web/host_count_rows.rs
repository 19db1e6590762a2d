//! The second count of the extensions on the page: the number beside the API's, and what a difference means.

use maud::{Markup, html};

use super::page::moment;
use crate::board::{HostCount, TargetState};

/// The number, below the API's.
pub(super) fn count(counted: &HostCount, state: &TargetState) -> Markup {
    html! {
        @if let Ok(count) = counted.count {
            @if state.extensions.is_some() { br; }
            span.dim { (counted.kind.as_str()) ": " (count) }
        }
    }
}

/// What there is to say of it, if anything.
pub(super) fn hint(counted: &HostCount, state: &TargetState, now: f64) -> Markup {
    let count = counted.count.as_ref().map_err(|text| &**text).copied();
    html! {
        @if let Some(words) = counted.kind.compared(count, state.extensions, state.up == Some(false)) {
            p {
                code { "second count" } " "
                span.dim { (moment(counted.at, now - counted.at)) " ago" }
                br;
                (words)
            }
        }
    }
}
