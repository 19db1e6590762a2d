//! Failures counted by reason.

use std::ops::{Index, IndexMut};

use crate::domain::Reason;

type Counts = [u32; Reason::COUNT];

/// How often each reason was met, by `Reason::index`. Without memory of its own until the first: most targets
/// are well, and a scrape walks through the states of all.
#[derive(Clone, Debug, Default)]
pub struct Failures(Option<Box<Counts>>);

impl Failures {
    pub const fn new() -> Self {
        Self(None)
    }

    pub const fn any(&self) -> bool {
        self.0.is_some()
    }
}

impl Index<usize> for Failures {
    type Output = u32;

    fn index(&self, reason: usize) -> &u32 {
        self.0.as_ref().map_or(&0, |counts| &counts[reason])
    }
}

impl IndexMut<usize> for Failures {
    fn index_mut(&mut self, reason: usize) -> &mut u32 {
        &mut self.0.get_or_insert_default()[reason]
    }
}
