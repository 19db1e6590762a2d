//! A list put together from its pages, however a PBX cuts them.

use std::collections::HashSet;

use super::{Extension, Listed, Untold, by_number};
use crate::domain::{Class, Failure};

/// More pages than this are taken for a list that never ends.
const MOST_PAGES: usize = 1000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The platform's total over all pages; `None` if it reports none.
    pub total: Option<u64>,
    /// How many members this page has, whatever they are.
    pub count: u64,
    pub extensions: Listed,
    /// What distinguishes this page from others; `None`: it is empty.
    pub mark: Option<u64>,
    /// With what to ask for the next page; `None`: this is the last.
    pub next: Option<String>,
    /// With what to ask whether more follow a page that is shorter than it was asked to be.
    pub beyond: Option<String>,
}

impl Page {
    pub fn alone(extensions: Listed) -> Self {
        let count = extensions.as_ref().map_or(0, Vec::len) as u64;
        Self { total: None, count, extensions, mark: None, next: None, beyond: None }
    }
}

/// What is known of how many members a target puts into a page, where it puts fewer into one than it was asked to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageSize {
    /// As many, whatever it is asked for: more followed.
    cut_to: Option<u64>,
    /// A first page of so many was all, and how often that was believed since.
    whole: Option<(u64, u32)>,
}

/// So often a short first page is believed to be all before more is asked for again: it may have been cut to just what
/// there was.
const BELIEVED: u32 = 60;

impl PageSize {
    /// Whether a short first page of `count` is to be doubted.
    fn doubts(&mut self, count: u64) -> bool {
        match &mut self.whole {
            Some((whole, _)) if count < *whole => false,
            Some((whole, believed)) if count == *whole && *believed < BELIEVED => {
                *believed += 1;
                false
            }
            _ => true,
        }
    }
}

#[derive(Debug, Default)]
pub struct Pages {
    size: PageSize,
    total: Option<u64>,
    count: u64,
    extensions: Vec<Extension>,
    /// Why the extensions cannot be listed; they may still be counted.
    untold: Option<Untold>,
    asked: HashSet<String>,
    marks: HashSet<u64>,
    is_circle: bool,
    /// The first page was short, and has so many: whether it was all was asked.
    doubt: Option<u64>,
    was_whole: bool,
}

const CIRCLE: &str = "The PBX's pages repeat or do not end.";

impl Pages {
    /// None yet, of a target of which this is known.
    pub fn knowing(size: PageSize) -> Self {
        Self { size, ..Self::default() }
    }

    pub const fn size(&self) -> PageSize {
        self.size
    }

    /// Whether a failure of the newest request says no more than that nothing follows: it was only asked to make sure.
    pub fn ends_with(&mut self, failure: &Failure) -> bool {
        let ends = failure.class() == Class::Transient;
        let doubt = self.doubt.take().filter(|_| ends);
        if let Some(count) = doubt {
            self.believe(count);
        }
        doubt.is_some()
    }

    /// Whether the newest request was only asked to make sure, for this pass alone.
    pub const fn was_whole(&self) -> bool {
        self.was_whole
    }

    const fn believe(&mut self, count: u64) {
        (self.size.whole, self.was_whole) = (Some((count, 0)), true);
    }

    /// Takes a page in; with what to ask for the next one, if there is one and it is worth asking.
    pub fn add(&mut self, page: Page) -> Option<String> {
        self.total = page.total.or(self.total);
        let is_known = page.mark.is_none_or(|mark| !self.marks.insert(mark));
        if let Some(count) = self.doubt.take() {
            if is_known {
                self.believe(count);
                return None;
            }
            self.size.cut_to = Some(count);
        }
        // The same page again: the server ignores what is asked for.
        if is_known && page.mark.is_some() {
            return self.circle();
        }
        self.count += page.count;
        match page.extensions {
            Ok(extensions) => self.extensions.extend(extensions),
            Err(untold) => self.untold = Some(untold),
        }
        let next = match (page.next, page.beyond) {
            (Some(next), _) => next,
            (None, Some(beyond)) if self.may_go_on(page.count) => beyond,
            (None, _) => return None,
        };
        if self.asked.len() >= MOST_PAGES || !self.asked.insert(next.clone()) {
            return self.circle();
        }
        Some(next)
    }

    /// What was counted so far is useless.
    fn circle(&mut self) -> Option<String> {
        (self.count, self.untold, self.is_circle) = (0, Some(CIRCLE.into()), true);
        None
    }

    /// Whether more may follow a page of `count`, which is shorter than it was asked to be.
    fn may_go_on(&mut self, count: u64) -> bool {
        if self.total.is_some_and(|total| self.count >= total) {
            return false;
        }
        if let Some(size) = self.size.cut_to {
            return count >= size;
        }
        let doubts = self.asked.is_empty() && self.size.doubts(count);
        self.doubt = doubts.then_some(count);
        doubts
    }

    /// The total, else the number counted; and the extensions in order, unless some are missing.
    pub fn finish(self) -> (Option<u64>, Listed) {
        let Self { total, count: listed, mut extensions, untold, is_circle, .. } = self;
        if let Some(untold) = untold {
            return (total.or((!is_circle).then_some(listed)), Err(untold));
        }
        if let Some(total) = total.filter(|total| *total > listed) {
            let text = format!("The PBX counts {total} extensions, but lists {listed}.");
            return (Some(total), Err(text.into()));
        }
        extensions.sort_by(|a, b| by_number(&a.id, &b.id));
        (total.or(Some(listed)), Ok(extensions))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::listed;
    use super::*;
    use crate::domain::Reason;

    fn page(text: &str, total: Option<u64>, next: Option<&str>) -> Page {
        let extensions = listed(text);
        let mark =
            extensions.first().map(|first| first.id.bytes().fold(0, |mark, b| mark * 256 + u64::from(b)));
        let (count, next) = (extensions.len() as u64, next.map(str::to_owned));
        Page { total, count, extensions: Ok(extensions), mark, next, beyond: None }
    }

    fn short(text: &str, beyond: &str) -> Page {
        Page { beyond: Some(beyond.to_owned()), ..page(text, None, None) }
    }

    fn untold(text: &str, next: Option<&str>) -> Page {
        Page { extensions: Err("one without an id".into()), ..page(text, None, next) }
    }

    #[test]
    fn what_has_no_id_is_counted_all_the_same() {
        let mut pages = Pages::default();
        assert!(pages.add(untold("1 2", Some("a"))).is_some());
        assert!(pages.add(untold("3", None)).is_none());
        assert_eq!(pages.finish(), (Some(3), Err("one without an id".into())));
        let mut pages = Pages::default();
        assert!(pages.add(untold("1 2", Some("a"))).is_some());
        assert!(pages.add(untold("1 2", Some("b"))).is_none(), "the same page again");
        assert_eq!(pages.finish().0, None);
    }

    #[test]
    fn a_server_that_cuts_its_pages_is_believed_after_one_question() {
        let mut pages = Pages::default();
        assert_eq!(pages.add(short("1 2", "b")).as_deref(), Some("b"));
        assert_eq!(pages.add(short("3 4", "c")).as_deref(), Some("c"));
        assert_eq!(pages.add(short("5", "d")), None);
        let size = pages.size();
        assert_eq!(pages.finish().0, Some(5));
        // Now it is known: no question after a page that is shorter.
        let mut pages = Pages::knowing(size);
        assert_eq!(pages.add(short("1", "b")), None);
        let mut pages = Pages::knowing(size);
        assert_eq!(pages.add(short("1 2", "b")).as_deref(), Some("b"));
        assert_eq!(pages.add(short("", "c")), None);
        assert_eq!(pages.finish().0, Some(2));
    }

    #[test]
    fn a_short_page_that_is_all_is_asked_about_once_and_then_seldom() {
        let failure = Failure::with;
        let mut size = PageSize::default();
        for end in [Some(""), Some("1 2"), None] {
            let mut pages = Pages::default();
            assert_eq!(pages.add(short("1 2", "b")).as_deref(), Some("b"));
            assert!(!Pages::default().ends_with(&failure(Reason::ApiNotFound)), "nothing was in doubt");
            match end {
                Some(text) => assert_eq!(pages.add(short(text, "c")), None),
                None => assert!(pages.ends_with(&failure(Reason::ApiNotFound))),
            }
            size = pages.size();
            assert_eq!(pages.finish(), (Some(2), Ok(listed("1 2"))));
        }
        let mut asked = 0;
        for _ in 0..100 {
            let mut pages = Pages::knowing(size);
            asked +=
                u32::from(pages.add(short("1 2", "b")).is_some_and(|_| pages.add(short("", "c")).is_none()));
            size = pages.size();
        }
        assert_eq!(asked, 1);
        let mut more = Pages::knowing(size);
        assert!(more.add(short("1 2 3", "b")).is_some(), "more than ever were all");
        assert!(
            !more.ends_with(&failure(Reason::TokenRejected))
                && !more.ends_with(&failure(Reason::RateLimited))
        );
        assert!(Pages::knowing(size).add(short("1", "b")).is_none(), "fewer than were all");
        let told = Page { total: Some(2), ..short("1 2", "b") };
        assert!(Pages::default().add(told).is_none(), "the total says that it is all");
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
        assert!(pages.finish().1.unwrap_err().contains("repeat"));
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
