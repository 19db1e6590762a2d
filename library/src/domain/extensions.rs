//! Extensions one by one: as a PBX lists them, page after page, and compared with those expected.
//!
//! An id is compared as it is written: `0200` and `200` are two extensions. Nothing here is secret; a
//! name or a technology is for people, never a label.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

/// What counts as an id is no longer, in characters.
const LONGEST_ID: usize = 64;
/// More pages than this are taken for a list that never ends.
const MOST_PAGES: usize = 1000;

/// An extension's id, mostly its number.
pub type Id = Box<str>;

/// Why extensions cannot be told one by one or compared: a sentence for people.
pub type Untold = Cow<'static, str>;

/// The extensions one by one, or why they cannot be told.
pub type Listed = Result<Vec<Extension>, Untold>;

/// One extension as the platform reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// Its id.
    pub id: Id,
    /// Its channel technology, where the platform tells.
    pub tech: Option<Box<str>>,
    /// Its name, where the platform tells.
    pub name: Option<Box<str>>,
}

/// `text` without the space around it, if it can be an id: not empty, without space or control
/// characters inside, and not absurdly long.
pub fn id(text: &str) -> Option<Id> {
    let text = text.trim();
    let plain = !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    (plain && text.chars().count() <= LONGEST_ID).then(|| text.into())
}

/// Numbers by their value, then everything else by its letters.
pub fn by_number(a: &str, b: &str) -> Ordering {
    match (significant(a), significant(b)) {
        (Some(x), Some(y)) => (x.len(), x, a.len()).cmp(&(y.len(), y, b.len())),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.cmp(b),
    }
}

/// A number's digits without the zeros in front; `None`: no number.
fn significant(id: &str) -> Option<&str> {
    let number = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    number.then(|| id.trim_start_matches('0'))
}

/// One answer to a request for the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The platform's total over all pages; `None` where it tells none.
    pub total: Option<u64>,
    /// The extensions on this page.
    pub extensions: Listed,
    /// With what to ask for the next page; `None`: this is the last.
    pub next: Option<String>,
}

/// Pages put together.
#[derive(Debug, Default)]
pub struct Pages {
    total: Option<u64>,
    extensions: Vec<Extension>,
    untold: Option<Untold>,
    asked: HashSet<String>,
    /// The first of each page.
    firsts: HashSet<Id>,
}

const CIRCLE: &str = "The PBX's pages lead in a circle or do not end.";

impl Pages {
    /// Takes a page in; with what to ask for the next one, if there is one and it is worth asking.
    pub fn add(&mut self, page: Page) -> Option<String> {
        self.total = page.total.or(self.total);
        match page.extensions {
            Ok(extensions) => {
                // The same page again: whoever answers does not look at what is asked for.
                let first = extensions.first().map(|extension| extension.id.clone());
                if first.is_some_and(|first| !self.firsts.insert(first)) {
                    self.untold = Some(CIRCLE.into());
                    return None;
                }
                self.extensions.extend(extensions);
            }
            Err(untold) => {
                self.untold = Some(untold);
                return None;
            }
        }
        let next = page.next?;
        if self.asked.len() >= MOST_PAGES || !self.asked.insert(next.clone()) {
            self.untold = Some(CIRCLE.into());
            return None;
        }
        Some(next)
    }

    /// The total, else the number listed; and the extensions in order, unless some are missing.
    pub fn finish(self) -> (Option<u64>, Listed) {
        let Self { total, mut extensions, untold, .. } = self;
        if let Some(untold) = untold {
            return (total, Err(untold));
        }
        let listed = extensions.len() as u64;
        if let Some(total) = total.filter(|total| *total > listed) {
            let text = format!("The PBX counts {total} extensions, but lists {listed}.");
            return (Some(total), Err(text.into()));
        }
        extensions.sort_by(|a, b| by_number(&a.id, &b.id));
        (total.or(Some(listed)), Ok(extensions))
    }
}

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
    /// How many are expected.
    pub expected: u64,
    /// Expected and not listed.
    pub missing: Ids,
    /// Listed and not expected.
    pub unexpected: Ids,
    /// A missing and an unexpected one that differ by zeros in front alone: a spreadsheet drops them.
    pub zeros: Vec<(Id, Id)>,
}

impl Drift {
    /// Compares.
    pub fn between<'a>(expected: &'a [Id], listed: &'a [Extension]) -> Self {
        let expected: HashSet<&'a Id> = expected.iter().collect();
        let listed: HashSet<&'a Id> = listed.iter().map(|extension| &extension.id).collect();
        let missing = Ids::new(expected.difference(&listed).copied().cloned());
        let unexpected = Ids::new(listed.difference(&expected).copied().cloned());
        let zeros = zeros(&missing.first, &unexpected.first);
        Self { expected: expected.len() as u64, missing, unexpected, zeros }
    }

    /// Whether there is any.
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
    use super::*;

    fn ids(text: &str) -> Vec<Id> {
        text.split_whitespace().map(Id::from).collect()
    }

    fn listed(text: &str) -> Vec<Extension> {
        ids(text).into_iter().map(|id| Extension { id, tech: None, name: None }).collect()
    }

    fn page(text: &str, total: Option<u64>, next: Option<&str>) -> Page {
        Page { total, extensions: Ok(listed(text)), next: next.map(str::to_owned) }
    }

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

    #[test]
    fn ids_are_ordered_by_their_value() {
        let mut some = ids("b 10 9 a 0010 100 1");
        some.sort_by(|a, b| by_number(a, b));
        assert_eq!(some, ids("1 9 10 0010 100 a b"));
    }

    #[test]
    fn an_id_has_no_space_inside_and_is_not_absurdly_long() {
        for (text, expected) in
            [(" 2000\t", Some("2000")), ("0200", Some("0200")), ("", None), ("20 00", None), ("2\u{7}", None)]
        {
            assert_eq!(id(text).as_deref(), expected, "{text:?}");
        }
        assert!(id(&"9".repeat(64)).is_some() && id(&"9".repeat(65)).is_none());
    }

    #[test]
    fn pages_are_read_to_their_end() {
        let mut pages = Pages::default();
        assert_eq!(pages.add(page("10 9", Some(3), Some("a"))).as_deref(), Some("a"));
        assert_eq!(pages.add(page("8", None, None)), None);
        assert_eq!(pages.finish(), (Some(3), Ok(listed("8 9 10"))));
        assert_eq!(Pages::default().finish(), (Some(0), Ok(vec![])));
    }

    #[test]
    fn pages_that_lead_in_a_circle_are_given_up() {
        let mut pages = Pages::default();
        assert!(pages.add(page("1", None, Some("a"))).is_some());
        assert!(pages.add(page("2", None, Some("a"))).is_none());
        assert!(pages.finish().1.unwrap_err().contains("circle"));
        let (mut pages, mut asked) = (Pages::default(), 0);
        while pages.add(page(&asked.to_string(), None, Some(&asked.to_string()))).is_some() {
            asked += 1;
        }
        assert_eq!(asked, MOST_PAGES);
        let mut pages = Pages::default();
        assert!(pages.add(page("1 2", None, Some("a"))).is_some());
        assert!(pages.add(page("1 2", None, Some("b"))).is_none(), "the same page again");
        assert_eq!(pages.finish().0, None, "what was listed twice is not counted");
    }

    #[test]
    fn a_list_shorter_than_its_total_is_not_compared() {
        let mut pages = Pages::default();
        pages.add(page("1 2", Some(5), None));
        let (total, listed) = pages.finish();
        assert_eq!(total, Some(5));
        assert_eq!(listed.unwrap_err(), "The PBX counts 5 extensions, but lists 2.");
    }
}
