//! What the targets of one customer plan to ask of an origin, where they live on one budget of requests.
//!
//! Not here: how much of the budget they may ask (`domain::pace`).

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// All who share at one origin, by owner: a provider has thousands of owners there, each with a budget of its own, so
/// nobody looks at the others'. An owner that has gone leaves its name behind.
#[derive(Debug, Default)]
pub struct Shares(Mutex<HashMap<Arc<str>, Vec<Weak<Share>>>>);

/// One target's plan; dropped with it. Without an owner it stands alone.
#[derive(Debug)]
pub struct Share {
    owner: Option<Arc<str>>,
    /// Requests a second: the bits of an `f64`.
    rate: AtomicU64,
}

impl Shares {
    /// One target more. `rate`: the requests a second that it plans, as long as none were made.
    pub fn join(&self, owner: Option<Arc<str>>, rate: f64) -> Arc<Share> {
        let share = Arc::new(Share { owner, rate: AtomicU64::new(rate.to_bits()) });
        if let Some(owner) = &share.owner {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let group = all.entry(owner.clone()).or_default();
            group.retain(|share| share.strong_count() > 0);
            group.push(Arc::downgrade(&share));
        }
        share
    }

    /// Takes in what one target plans now; what all of its owner do together.
    pub fn plan(&self, share: &Share, rate: f64) -> f64 {
        share.rate.store(rate.to_bits(), Ordering::Relaxed);
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(group) = share.owner.as_ref().and_then(|owner| all.get(owner)) else { return rate };
        let members = group.iter().filter_map(Weak::upgrade);
        members.map(|share| f64::from_bits(share.rate.load(Ordering::Relaxed))).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_targets_of_one_owner_plan_together_while_they_live() {
        let shares = Shares::default();
        let [a, b] = [0.5, 0.25].map(|rate| shares.join(Some("orchard".into()), rate));
        let [other, alone, _] = [Some("vineyard".into()), None, None].map(|name| shares.join(name, 4.0));
        assert_eq!(shares.plan(&a, 1.0).to_bits(), 1.25_f64.to_bits());
        assert_eq!(shares.plan(&other, 2.0).to_bits(), 2.0_f64.to_bits());
        assert_eq!(shares.plan(&alone, 2.0).to_bits(), 2.0_f64.to_bits());
        drop(a);
        assert_eq!(shares.plan(&b, 0.25).to_bits(), 0.25_f64.to_bits());
    }
}
