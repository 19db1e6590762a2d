//! How the listed extensions differ from those expected.

use std::collections::{HashMap, HashSet};

use super::{Extension, Id, by_number, significant};

/// Ids of one kind: how many, and the first of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ids {
    /// How many there are.
    pub count: u64,
    /// The first of them, in order; all, unless they were cut.
    pub first: Vec<Id>,
}

impl Ids {
    fn new(ids: impl Iterator<Item = Id>) -> Self {
        let mut first: Vec<_> = ids.collect();
        first.sort_by(|a, b| by_number(a, b));
        Self { count: first.len() as u64, first }
    }
}

/// How the listed extensions differ from those expected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drift {
    pub expected: u64,
    pub missing: Ids,
    pub unexpected: Ids,
    /// A missing and an unexpected one that differ by zeros in front alone: a spreadsheet drops them.
    pub zeros: Vec<(Id, Id)>,
}

impl Drift {
    pub fn between<'a>(expected: &'a [Id], listed: &'a [Extension]) -> Self {
        let expected: HashSet<&'a Id> = expected.iter().collect();
        let listed: HashSet<&'a Id> = listed.iter().map(|extension| &extension.id).collect();
        let missing = Ids::new(expected.difference(&listed).copied().cloned());
        let unexpected = Ids::new(listed.difference(&expected).copied().cloned());
        let zeros = zeros(&missing.first, &unexpected.first);
        Self { expected: expected.len() as u64, missing, unexpected, zeros }
    }

    /// Said where nothing is on both sides.
    pub const NO_MATCH: &'static str = "Not one is on both sides: the list is another PBX's, has another column, or writes the numbers otherwise.";

    /// Whether both sides have extensions and none in common.
    pub const fn has_no_match(&self) -> bool {
        self.expected > 0 && self.missing.count == self.expected && self.unexpected.count > 0
    }

    pub const fn is_any(&self) -> bool {
        self.missing.count > 0 || self.unexpected.count > 0
    }

    /// The same with at most `limit` of each kind named.
    #[must_use]
    pub fn cut(mut self, limit: usize) -> Self {
        for ids in [&mut self.missing.first, &mut self.unexpected.first] {
            ids.truncate(limit);
            ids.shrink_to_fit();
        }
        self.zeros.truncate(limit);
        self.zeros.shrink_to_fit();
        self
    }
}

fn zeros(missing: &[Id], unexpected: &[Id]) -> Vec<(Id, Id)> {
    let pair = |id: &Id| Some((significant(id)?.to_owned(), id.clone()));
    let unexpected: HashMap<_, _> = unexpected.iter().filter_map(pair).collect();
    let twin = |id: &Id| Some((id.clone(), unexpected.get(significant(id)?)?.clone()));
    missing.iter().filter_map(twin).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{ids, listed};
    use super::*;

    #[test]
    fn what_is_missing_and_what_is_unexpected_as_a_table() {
        for (expected, there, missing, unexpected) in [
            ("", "", "", ""),
            ("2000 2001", "2001 2000", "", ""),
            ("2000 2001", "2000", "2001", ""),
            ("2000", "2000 9 10 alice", "", "9 10 alice"),
            ("0200", "200", "0200", "200"),
            ("2000 2000", "2000 2000", "", ""),
        ] {
            let (expected, there) = (ids(expected), listed(there));
            let drift = Drift::between(&expected, &there);
            assert_eq!((drift.missing.first, drift.unexpected.first), (ids(missing), ids(unexpected)));
        }
        assert_eq!(Drift::between(&ids("2000 2000"), &[]).expected, 1);
    }

    #[test]
    fn it_is_known_where_nothing_is_on_both_sides() {
        for (expected, there, none) in
            [("1 2", "2000 2001", true), ("1 2000", "2000", false), ("", "2000", false), ("2000", "", false)]
        {
            assert_eq!(
                Drift::between(&ids(expected), &listed(there)).has_no_match(),
                none,
                "{expected}: {there}"
            );
        }
    }

    #[test]
    fn ids_that_differ_by_zeros_in_front_alone_are_paired() {
        let drift = Drift::between(&ids("0200 300 x"), &listed("200 0300 y 0"));
        let pair = |a: &str, b: &str| (Id::from(a), Id::from(b));
        assert_eq!(drift.zeros, [pair("0200", "200"), pair("300", "0300")]);
    }

    #[test]
    fn what_is_cut_stays_counted() {
        let many: Vec<_> = (0..50).map(|n: u32| Id::from(n.to_string())).collect();
        let drift = Drift::between(&many, &[]).cut(20);
        assert_eq!((drift.missing.count, drift.missing.first.len()), (50, 20));
        assert_eq!(&*drift.missing.first[19], "19");
        assert!(drift.is_any() && !Drift::default().is_any());
    }
}
