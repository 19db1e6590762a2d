//! `limits`: over all targets.

use super::Limits;
use super::checker::{Checker, DOCUMENT, SECOND, WEEK, show};
use super::raw;

/// Checks the limits over all targets; `root` is their mapping.
pub(super) fn limits(mut c: Checker<'_>) -> Limits {
    let safe = Limits::default();
    let Some(raw) = c.read::<raw::Limits>(DOCUMENT) else { return safe };
    let window =
        c.duration("refusal_window", raw.refusal_window.as_ref(), safe.refusal_window, SECOND..=WEEK);
    let refusals = raw.refusals_per_origin.unwrap_or(safe.refusals_per_origin);
    if refusals > safe.refusals_per_origin {
        let relation = match refusals {
            ..8 => "close to",
            8 => "as many as",
            9.. => "above",
        };
        c.warning("refusals_per_origin", format!("{refusals} is {relation} the 8 refusals in 40m for which FreePBX's fail2ban bans; 6 or less is safe"));
    }
    if window < safe.refusal_window {
        let text = "is shorter than the 40m over which FreePBX's fail2ban counts; 40m or more is safe";
        c.warning("refusal_window", format!("{} {text}", show(window)));
    }
    Limits {
        probes_in_flight: raw.probes_in_flight.unwrap_or(safe.probes_in_flight),
        probes_per_host: raw.probes_per_host.unwrap_or(safe.probes_per_host),
        refusals_per_origin: refusals,
        refusal_window: window,
    }
}
