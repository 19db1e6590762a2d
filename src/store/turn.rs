//! Who reads and writes a target's file in this process: one keeper after the other. A reload may replace a keeper whose
//! request is still under way; its answer is on disk before the next one looks.

use std::sync::{Arc, PoisonError};

use tokio::sync::{Mutex, OwnedMutexGuard, watch};

use super::Store;

#[derive(Debug, Default)]
pub(super) struct Seat {
    newest: watch::Sender<u64>,
    taken: Arc<Mutex<()>>,
}

/// A keeper's turn at its target's file. It ends when this is dropped.
#[derive(Debug)]
pub struct Turn {
    seat: Arc<Seat>,
    number: u64,
    taken: Option<OwnedMutexGuard<()>>,
}

impl Store {
    /// The next turn at the file of `target`. One that has not begun by now never will.
    pub fn next_turn(&self, target: &str) -> Turn {
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        let seat = seats.entry(target.into()).or_default().clone();
        let mut number = 0;
        seat.newest.send_modify(|newest| {
            *newest += 1;
            number = *newest;
        });
        Turn { seat, number, taken: None }
    }
}

impl Turn {
    /// Waits until whoever came before has ended. `false`: somebody came after.
    pub async fn begin(&mut self) -> bool {
        if self.taken.is_some() {
            return true;
        }
        let mut newest = self.seat.newest.subscribe();
        tokio::select! {
            biased;
            _ = newest.wait_for(|newest| *newest != self.number) => false,
            taken = self.seat.taken.clone().lock_owned() => {
                self.taken = Some(taken);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::StorageSettings;

    #[tokio::test]
    async fn turns_come_one_after_the_other_and_who_was_overtaken_has_none() {
        let store = Store::new(&StorageSettings { path: "unused".into(), key: None });
        let mut first = store.next_turn("office");
        assert!(first.begin().await && first.begin().await);
        let (mut overtaken, mut last) = (store.next_turn("office"), store.next_turn("office"));
        assert!(!overtaken.begin().await, "while another one has it, too");
        assert!(store.next_turn("branch").begin().await, "each file has its own");
        let waits = tokio::time::timeout(std::time::Duration::from_millis(1), last.begin()).await;
        assert!(waits.is_err());
        assert!(first.begin().await, "who has it keeps it to its end");
        drop(first);
        assert!(last.begin().await);
    }
}
