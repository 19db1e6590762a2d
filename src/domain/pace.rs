//! How fast a target is probed whose budget of requests others share.

use std::time::Duration;

/// If no header says when the budget is restored, it has to last for this long from now on.
const UNTOLD: Duration = Duration::from_secs(3600);
/// A later reset is taken for a mistake.
const LATEST: Duration = Duration::from_secs(24 * 3600);

/// The wait until the next pass: `wait`, or longer where the budget would not last. At each pass half of what is left
/// then stays for the customer's own applications; the rest is spread evenly until the reset, over all targets that live
/// on it, each by what it would ask by itself. `pass`: requests that a pass makes; `together`: requests a second that all
/// these targets plan. Without so many left a pass waits for the reset.
pub fn paced(wait: Duration, remaining: u64, reset: Option<Duration>, pass: u64, together: f64) -> Duration {
    let reset = reset.unwrap_or(UNTOLD).min(LATEST);
    let restored = reset + Duration::from_secs(1);
    let half = remaining / 2;
    if half < pass.max(1) {
        return wait.max(restored);
    }
    let excess = together * reset.as_secs_f64() / half as f64;
    let even = (wait.as_secs_f64() * excess).min(restored.as_secs_f64());
    wait.max(Duration::from_secs_f64(even))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `targets` alike, each with `pass` requests a minute.
    fn seconds(remaining: u64, reset: Option<u64>, pass: u64, targets: f64) -> f64 {
        let together = pass as f64 / 60.0 * targets;
        let reset = reset.map(Duration::from_secs);
        paced(Duration::from_secs(60), remaining, reset, pass, together).as_secs_f64()
    }

    #[test]
    fn the_budget_lasts_until_its_reset_and_half_of_it_stays() {
        for (remaining, reset, pass, expected) in [
            // Plenty: nothing changes.
            (1000, 3600, 1, 60.0),
            (120, 3600, 1, 60.0),
            // 50 passes in the 3600 s that are left.
            (100, 3600, 1, 72.0),
            (100, 1800, 1, 60.0),
            (20, 1800, 1, 180.0),
            // A pass of five pages.
            (1000, 3600, 5, 60.0),
            (100, 3600, 5, 360.0),
            // Only the others' share is left: after the reset.
            (1, 900, 1, 901.0),
            (0, 900, 1, 901.0),
            (9, 900, 5, 901.0),
            // The new hour begins: the usual pace.
            (0, 0, 1, 60.0),
            (5, 10, 0, 60.0),
            (u64::MAX, 3600, 1, 60.0),
            // A header that cannot be right.
            (0, u64::MAX, 1, 86_401.0),
        ] {
            let told = seconds(remaining, Some(reset), pass, 1.0);
            assert!((told - expected).abs() < 0.001, "{remaining} {reset} {pass}: {told}");
        }
    }

    #[test]
    fn targets_on_one_budget_share_what_one_alone_would_have() {
        for (remaining, targets, expected) in
            [(1000, 3.0, 60.0), (100, 3.0, 216.0), (1000, 20.0, 144.0), (4, 3.0, 3601.0)]
        {
            let told = seconds(remaining, Some(3600), 1, targets);
            assert!((told - expected).abs() < 0.001, "{remaining} {targets}: {told}");
        }
    }

    #[test]
    fn a_budget_whose_reset_is_not_told_has_to_last_an_hour() {
        for remaining in [1000, 100, 20, 1, 0] {
            let (untold, told) = (seconds(remaining, None, 1, 1.0), seconds(remaining, Some(3600), 1, 1.0));
            assert!((untold - told).abs() < 0.001, "{remaining}: {untold}");
        }
    }
}
