//! All targets at the moment of one scrape, each visited once.
//!
//! Belongs here: what is taken from a target's state, in what form. The states of a thousand targets do not
//! fit into a core's cache: to come back to them for each family costs more than the text that is written.
//! So what nearly all lines are made of is copied, side by side in the order in which it is written; and kept
//! for the next scrape, which visits those alone that have changed.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use super::targets::{FAMILIES, Family};
use super::view::{Call, Rest, View, Visit};
use crate::board::{Board, Endpoint, Slot};
use crate::domain::reason::ReasonSet;
use crate::domain::{Grant, Operation};
use crate::exposition::{ABSENT, Labels};

/// A static key is not.
fn is_sent(grant: Grant) -> bool {
    grant != Grant::Static
}

/// The newest snapshot, kept for the next scrape.
#[derive(Clone, Default)]
pub struct Kept(Arc<Mutex<Option<Arc<Snapshot>>>>);

impl Kept {
    /// The targets now. What is kept is brought up to date, unless a scrape is still at it.
    pub fn take(&self, board: &Board) -> Arc<Snapshot> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = match kept.take().map(Arc::try_unwrap) {
            Some(Ok(old)) => old.renew(board),
            Some(Err(_)) | None => Snapshot::new(board),
        };
        Arc::clone(kept.insert(Arc::new(snapshot)))
    }
}

pub struct Snapshot {
    now: Instant,
    slots: Arc<Vec<Arc<Slot>>>,
    labels: Labels,
    rows: Vec<Row>,
    calls: Vec<Call>,
    grants: Vec<(Grant, u64)>,
    /// Values of the families with at most one sample a target, family by family.
    cells: Vec<u64>,
}

struct Row {
    zero: [u32; Operation::COUNT],
    /// Where those of the next target begin in [`Snapshot::calls`] and [`Snapshot::grants`].
    ends: (usize, usize),
    /// [`Slot::edition`] of what was copied; `None` before anything was.
    edition: Option<u64>,
    issued: Option<Instant>,
    rest: Option<Box<Rest>>,
}

impl Snapshot {
    /// What is shown of a target is of one state.
    fn new(board: &Board) -> Self {
        let slots = board.slots();
        let (mut labels, mut rows) = (Labels::default(), Vec::with_capacity(slots.len()));
        let (mut calls, mut grants) = (Vec::new(), Vec::new());
        for info in slots.iter().map(|slot| &slot.info) {
            labels.push(&info.name);
            let called = Operation::ALL.into_iter().filter(|operation| info.operations[operation.index()]);
            calls.extend(called.map(|operation| Call::new(operation, &Endpoint::default())));
            grants.extend(info.grants.iter().filter(|grant| is_sent(**grant)).map(|grant| (*grant, 0)));
            let (zero, ends) = (info.reasons.map(ReasonSet::bits), (calls.len(), grants.len()));
            rows.push(Row { zero, ends, edition: None, issued: None, rest: None });
        }
        let mut snapshot = Self {
            now: Instant::now(),
            cells: vec![ABSENT; slots.len() * singles().count()],
            slots,
            labels,
            rows,
            calls,
            grants,
        };
        snapshot.visit();
        snapshot
    }

    /// The same as a new one, for less.
    fn renew(self, board: &Board) -> Self {
        if !Arc::ptr_eq(&self.slots, &board.slots()) {
            return Self::new(board);
        }
        let mut snapshot = Self { now: Instant::now(), ..self };
        snapshot.visit();
        snapshot
    }

    /// Copies what has changed.
    fn visit(&mut self) {
        let (singles, mut begins) = (singles().collect::<Vec<_>>(), (0, 0));
        for (target, (slot, row)) in self.slots.iter().zip(&mut self.rows).enumerate() {
            let edition = Some(slot.edition());
            if row.edition != edition {
                let state = slot.peek();
                let visit = Visit { info: &slot.info, state: &state };
                for (column, family) in singles.iter().enumerate() {
                    self.cells[column * self.slots.len() + target] = family.cell(&visit);
                }
                for call in &mut self.calls[begins.0..row.ends.0] {
                    *call = Call::new(call.operation, state.endpoint(call.operation));
                }
                for (grant, requests) in &mut self.grants[begins.1..row.ends.1] {
                    *requests = state.grants.iter().find(|c| c.grant == *grant).map_or(0, |c| c.requests);
                }
                row.edition = edition;
                row.issued = state.token.map(|token| token.issued);
                row.rest = Rest::new(slot, &state).map(Box::new);
            }
            begins = row.ends;
        }
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Of the single values of all targets, family by family, the rest from this one on.
    pub fn cells(&self, from: usize) -> &[u64] {
        &self.cells[from..]
    }

    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    pub fn view(&self, target: usize) -> View<'_> {
        let row = &self.rows[target];
        let begins = if target == 0 { (0, 0) } else { self.rows[target - 1].ends };
        View {
            info: &self.slots[target].info,
            label: self.labels.get(target),
            zero: row.zero,
            calls: &self.calls[begins.0..row.ends.0],
            grants: &self.grants[begins.1..row.ends.1],
            issued: row.issued,
            now: self.now,
            rest: row.rest.as_deref(),
        }
    }
}

fn singles() -> impl Iterator<Item = &'static Family> {
    FAMILIES.iter().filter(|family| family.is_single())
}
