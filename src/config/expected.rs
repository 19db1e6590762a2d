//! `expected_extensions`, literally or as a file.

use super::checker::Checker;
use super::issue::Level;
use super::raw::{self, ExtensionId};
use crate::domain::Platform;
use crate::domain::extensions::{Id, id};
use crate::domain::target::{Call, Expected, tells_extensions};
use crate::expected;

const LIST: &str = "expected_extensions";
const FILE: &str = "expected_extensions_file";

pub(super) fn expected(
    c: &mut Checker<'_>,
    raw: &raw::Settings,
    call: Option<&Call>,
    platform: &Platform,
) -> Option<Expected> {
    let (key, expected) = match (&raw.expected_extensions, &raw.expected_extensions_file) {
        (None, None) => return None,
        (Some(_), Some(_)) => {
            let text =
                "the list is given in two forms; keep one of expected_extensions, expected_extensions_file";
            c.error(FILE, text);
            return None;
        }
        (Some(ids), None) => (LIST, list(c, ids)),
        (None, Some(path)) => (FILE, Expected::File(file(c, path))),
    };
    if let Some(Err(fix)) = call.map(|call| tells_extensions(call, platform)) {
        c.error(key, fix);
    }
    Some(expected)
}

fn list(c: &mut Checker<'_>, raw: &[ExtensionId]) -> Expected {
    let mut ids: Vec<Id> = Vec::with_capacity(raw.len());
    for (at, item) in raw.iter().enumerate() {
        let id = match item {
            ExtensionId::Number(number) => id(&number.to_string()),
            ExtensionId::Text(text) => id(text),
        };
        match id {
            Some(id) => ids.push(id),
            None => c.error(
                &format!("{LIST}[{at}]"),
                "is not an id; write a number, or text of at most 64 characters",
            ),
        }
    }
    let list = expected::from_ids(ids, Vec::new());
    for note in list.notes {
        c.add(Level::Note, LIST, note);
    }
    Expected::List(list.ids.into())
}

/// One that cannot be read now is no error: whoever writes it may be about to, and the PBX is to be
/// watched all the same.
fn file(c: &mut Checker<'_>, path: &std::path::Path) -> std::path::PathBuf {
    let path = c.root.nearest(FILE).place.resolve(path);
    match expected::read_file(&path) {
        Ok(list) => list.notes.into_iter().for_each(|note| c.add(Level::Note, FILE, note)),
        Err(error) => c.warning(FILE, format!("{error}; extensions are not compared until it can be read")),
    }
    path
}
