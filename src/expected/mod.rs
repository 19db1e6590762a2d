//! Which extensions there should be: a list in the forms in which applications write one.
//!
//! Belongs here: from bytes to ids, and reading the file at each use, so that a changed one counts
//! without a reload. Does not belong here: comparing them (`domain::extensions`).
//!
//! Of a file nothing but ids is ever repeated: an application's table of accounts has secrets beside.

mod json;
mod table;

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use crate::domain::extensions::{Id, by_number, id};
use crate::domain::target::Expected;

const LARGEST: u64 = 16 << 20;
/// So many ids are named in a note; of the others, how many there are.
const NAMED: usize = 5;

/// Names of columns and members that hold an id, the likeliest first, without case and punctuation. A
/// table of accounts has an `id` of its own beside the `extension`.
const ID_NAMES: &str = "extensionid extension extensionnumber extensions exten ext sipextension sipaccount sipaccountid \
    sipaccountnumber sipaccounts sipnumber sipusername sipuser sipid accountid account number \
    username user id ids";

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExpectedList {
    /// Their ids in order, each once.
    pub ids: Vec<Id>,
    /// How the list was read, where that is worth reporting: a header skipped, ids given twice.
    pub notes: Vec<String>,
}

/// Why there is no list; how to fix it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoList(String);

pub fn ids(expected: &Expected) -> Result<Arc<[Id]>, NoList> {
    match expected {
        Expected::List(ids) => Ok(ids.clone()),
        Expected::File(path) => Ok(read_file(path)?.ids.into()),
    }
}

pub fn read_file(path: &Path) -> Result<ExpectedList, NoList> {
    let error = |cause: &dyn std::fmt::Display| NoList(format!("failed to read {}: {cause}", path.display()));
    // Opening a pipe would wait for whoever writes into it.
    let is_file = std::fs::metadata(path).map_err(|e| error(&e))?.is_file();
    if !is_file {
        return Err(error(&"it is not a regular file; give a CSV or JSON file"));
    }
    let file = std::fs::File::open(path).map_err(|e| error(&e))?;
    read(file).map_err(|e| error(&e))
}

pub fn read(source: impl Read) -> Result<ExpectedList, NoList> {
    let mut bytes = Vec::new();
    source.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|e| NoList(e.to_string()))?;
    if bytes.len() as u64 > LARGEST {
        return Err(NoList(format!("it is larger than {} MiB; give a list of extensions", LARGEST >> 20)));
    }
    parse(&bytes)
}

/// A list as JSON, as CSV (or separated by `;`, tab or `|`) with or without a header, or one id a line.
///
/// # Errors
/// Anything else. A file that is empty is none of these: it may be about to be written. To expect no
/// extension at all, give `[]`, or a header alone.
pub fn parse(bytes: &[u8]) -> Result<ExpectedList, NoList> {
    let text = std::str::from_utf8(bytes).map_err(|_| NoList("it is not UTF-8; save it as UTF-8".into()))?;
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Err(NoList("it is empty; to expect no extension at all, write []".into()));
    }
    let mut notes = Vec::new();
    let ids = match text.as_bytes()[0] {
        b'[' | b'{' => json::ids(text),
        _ => table::ids(text, &mut notes),
    };
    let ids = ids.map_err(NoList)?;
    let short: Vec<Id> = ids.iter().filter(|id| is_shortened(id)).cloned().collect();
    if !short.is_empty() {
        notes.push(format!(
            "numbers that a spreadsheet has shortened, so that digits are lost: {}; make the column text",
            named(&short)
        ));
    }
    Ok(from_ids(ids, notes))
}

/// `2.00E+09`.
fn is_shortened(id: &str) -> bool {
    let exponent =
        id.split_once(['E', 'e']).and_then(|(number, power)| Some((number, power.strip_prefix('+')?)));
    let digit = |byte: u8| byte.is_ascii_digit();
    exponent.is_some_and(|(number, power)| {
        number.starts_with(|c: char| c.is_ascii_digit())
            && number.bytes().all(|byte| digit(byte) || matches!(byte, b'.' | b','))
            && !power.is_empty()
            && power.bytes().all(digit)
    })
}

/// A list of these ids, in order and each once; reports duplicates.
pub fn from_ids(mut ids: Vec<Id>, mut notes: Vec<String>) -> ExpectedList {
    ids.sort_by(|a, b| by_number(a, b));
    let mut twice: Vec<Id> =
        ids.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone()).collect();
    twice.dedup();
    if !twice.is_empty() {
        notes.push(format!("given more than once, counted once: {}", named(&twice)));
    }
    ids.dedup();
    let alike = |pair: &[Id]| {
        let digits = |id: &Id| id.bytes().all(|byte| byte.is_ascii_digit());
        digits(&pair[0])
            && digits(&pair[1])
            && pair[0].trim_start_matches('0') == pair[1].trim_start_matches('0')
    };
    let zeros: Vec<Id> = ids.windows(2).filter(|pair| alike(pair)).map(|pair| pair[1].clone()).collect();
    if !zeros.is_empty() {
        notes.push(format!(
            "given with and without leading zeros, which are different ids: {}",
            named(&zeros)
        ));
    }
    ExpectedList { ids, notes }
}

/// The first few, and how many more there are.
fn named(ids: &[Id]) -> String {
    let first: Vec<&str> = ids.iter().take(NAMED).map(|id| &**id).collect();
    let more = ids.len().saturating_sub(NAMED);
    first.join(", ") + &if more > 0 { format!(" and {more} more") } else { String::new() }
}

/// A column's or member's name without case and punctuation.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// Which of several names is likeliest to be that of the ids.
fn likeliest<'a>(names: impl Iterator<Item = &'a str>) -> Option<usize> {
    let rank = |name: &str| ID_NAMES.split(' ').position(|known| known == plain(name));
    let ranked = names.enumerate().filter_map(|(at, name)| Some((rank(name)?, at)));
    ranked.min().map(|(_, at)| at)
}

/// An id as text, without what spreadsheets put around it to keep its zeros: `="0200"`, `'0200`.
fn cell_id(text: &str) -> Option<Id> {
    let visible: String = text.chars().filter(|c| !is_shapeless(*c)).collect();
    let text = visible.trim();
    let formula = text.strip_prefix("=\"").and_then(|text| text.strip_suffix('"'));
    let text =
        formula.unwrap_or_else(|| text.trim_matches(['\'', '"', '\u{201c}', '\u{201d}', '\u{201e}']).trim());
    id(&whole_number(text).unwrap_or_else(|| text.to_owned()))
}

/// Zero width, soft hyphen or byte order mark: text copied from a page has them.
fn is_shapeless(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

/// A number as a spreadsheet writes one that it takes for an amount: `2000.0`, `2000,00`, `2,000`, `2'000`.
fn whole_number(text: &str) -> Option<String> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mut groups = text.split([',', '.', '\'', '\u{2019}', ' ', '\u{a0}', '\u{202f}']);
    let first = groups.next().filter(|first| digits(first))?;
    let rest: Vec<_> = groups.collect();
    let is_grouped = first.len() <= 3
        && !first.starts_with('0')
        && rest.iter().all(|group| group.len() == 3 && digits(group));
    let is_decimal =
        rest.len() == 1 && text[first.len()..].starts_with(['.', ',']) && rest[0].bytes().all(|b| b == b'0');
    match rest.first() {
        Some(_) if is_grouped => Some(format!("{first}{}", rest.concat())),
        Some(zeros) if is_decimal && !zeros.is_empty() => Some(first.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
