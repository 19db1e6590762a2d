//! Extensions one by one: what one is, and the order of their ids. `pages` puts together what a PBX lists page after
//! page, `drift` compares that with what is expected.
//!
//! An id is compared as it is written: `0200` and `200` are two extensions. Nothing here is secret; a
//! name or a technology is for people, never a label.

mod drift;
mod pages;

use std::borrow::Cow;
use std::cmp::Ordering;

pub use drift::{Drift, Ids};
pub use pages::{Page, PageSize, Pages};

/// What counts as an id is no longer, in characters.
const LONGEST_ID: usize = 64;

/// An extension's id, usually its number.
pub type Id = Box<str>;

/// Why extensions cannot be listed one by one or compared: a sentence for people.
pub type Untold = Cow<'static, str>;

/// The extensions one by one, or why they cannot be listed.
pub type Listed = Result<Vec<Extension>, Untold>;

/// One extension as the platform reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    pub id: Id,
    /// Its channel technology, if the platform reports it.
    pub tech: Option<Box<str>>,
    /// Its name, if the platform reports it.
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

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn ids(text: &str) -> Vec<Id> {
        text.split_whitespace().map(Id::from).collect()
    }

    pub(super) fn listed(text: &str) -> Vec<Extension> {
        ids(text).into_iter().map(|id| Extension { id, tech: None, name: None }).collect()
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
}
