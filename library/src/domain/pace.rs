//! How fast a target is probed whose budget of requests others share.

use std::time::Duration;

/// The wait until the next pass: `interval`, or longer where the budget would not last. At each pass half of what
/// is left then stays for the customer's own applications; the rest is spread evenly until the reset. `pass`: requests that a
/// pass makes. Without so many left a pass waits for the reset.
pub fn paced(interval: Duration, remaining: u64, reset: Duration, pass: u64) -> Duration {
    let passes = u32::try_from(remaining / 2 / pass.max(1)).unwrap_or(u32::MAX);
    let even = if passes == 0 { reset + Duration::from_secs(1) } else { reset / passes };
    interval.max(even)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_lasts_until_its_reset_and_half_of_it_stays() {
        for (interval, remaining, reset, pass, expected) in [
            // Plenty: nothing changes.
            (60, 1000, 3600, 1, 60),
            (60, 120, 3600, 1, 60),
            // 50 passes in the 3600 s that are left.
            (60, 100, 3600, 1, 72),
            (60, 100, 1800, 1, 60),
            (60, 20, 1800, 1, 180),
            // A pass of five pages.
            (60, 1000, 3600, 5, 60),
            (60, 100, 3600, 5, 360),
            // Not a pass left but for the others: after the reset.
            (60, 1, 900, 1, 901),
            (60, 0, 900, 1, 901),
            (60, 9, 900, 5, 901),
            // The new hour begins: the usual pace.
            (60, 0, 0, 1, 60),
            (60, 5, 10, 0, 60),
            (60, u64::MAX, 3600, 1, 60),
        ] {
            let seconds = Duration::from_secs;
            let told = paced(seconds(interval), remaining, seconds(reset), pass);
            assert_eq!(told, seconds(expected), "{interval} {remaining} {reset} {pass}");
        }
    }
}
