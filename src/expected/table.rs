//! Lists as tables: CSV in its dialects, or one id a line.

use csv::{ReaderBuilder, StringRecord, Trim};

use super::{cell_id, likeliest};
use crate::domain::extensions::Id;

pub fn ids(text: &str, notes: &mut Vec<String>) -> Result<Vec<Id>, String> {
    let records = records(text)?;
    let Some(first) = records.first() else {
        return Err("it has only comments; to expect no extension at all, write []".to_owned());
    };
    // 2000,2001,2002 in one line.
    if records.len() == 1 && first.len() > 1 && first.iter().all(has_digit) {
        return first.iter().map(|cell| id_of(cell, first)).collect();
    }
    let column = likeliest(first.iter());
    let is_header = column.is_some() || looks_like_header(&records);
    if is_header && column.is_none() {
        if first.len() > 1 {
            return Err(
                "no column is named `extension` (or `id`, `number`, `sip_account`); rename the column with \
                 the ids"
                    .to_owned(),
            );
        }
        notes.push(format!("line {} is read as a header", line(first)));
    }
    if !is_header && first.len() > 1 && is_grouped(&records) {
        return Err(
            "its lines look like numbers with a separator, as in 2,000, or like two columns; write 2000, or a header".to_owned()
        );
    }
    if !is_header && first.len() > 1 {
        notes.push("there is no header; the first column is used".to_owned());
    }
    let column = column.unwrap_or(0);
    let mut ids = Vec::with_capacity(records.len());
    for record in records.iter().skip(usize::from(is_header)) {
        if is_header && first.len() == 1 && record.len() > 1 {
            // The separator stands in a number: `2,000` below `extension`.
            ids.push(id_of(&record.iter().collect::<Vec<_>>().join(","), record)?);
            continue;
        }
        match record.get(column).filter(|cell| !cell.is_empty()) {
            Some(cell) => ids.push(id_of(cell, record)?),
            None => notes.push(format!("line {} has no id and is skipped", line(record))),
        }
    }
    Ok(ids)
}

/// Whether each line may be one number with separators, and as a first column the ids would be short or not unlike.
fn is_grouped(records: &[StringRecord]) -> bool {
    let digits = |cell: &str| !cell.is_empty() && cell.bytes().all(|byte| byte.is_ascii_digit());
    let group = |cell: &str| cell.len() == 3 && digits(cell);
    let front = |record: &StringRecord| {
        record.get(0).is_some_and(|cell| cell.len() <= 3 && digits(cell) && !cell.starts_with('0'))
    };
    let fits = |record: &StringRecord| record.len() > 1 && front(record) && record.iter().skip(1).all(group);
    let fronts: Vec<_> = records.iter().filter_map(|record| record.get(0)).collect();
    let repeats = fronts.iter().enumerate().any(|(at, front)| fronts[..at].contains(front));
    records.iter().all(fits) && (repeats || fronts.iter().all(|front| front.len() == 1))
}

fn records(text: &str) -> Result<Vec<StringRecord>, String> {
    // The first line of files that Excel wrote or is to read.
    let body =
        text.strip_prefix("sep=").and_then(|rest| rest.split_once('\n')).map_or(text, |(_, rest)| rest);
    let reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .comment(Some(b'#'))
        .delimiter(delimiter(body))
        .from_reader(body.as_bytes())
        .into_records();
    let is_filled = |record: &StringRecord| record.iter().any(|cell| !cell.is_empty());
    let records = reader.collect::<Result<Vec<_>, _>>().map_err(|e| {
        let line = e.position().map_or(0, csv::Position::line);
        format!("line {line} is not valid CSV; correct its quotes")
    })?;
    Ok(records.into_iter().filter(is_filled).collect())
}

/// What separates most in the first line that counts.
fn delimiter(text: &str) -> u8 {
    let counts = |line: &&str| !line.trim().is_empty() && !line.starts_with('#');
    let first = text.lines().find(counts).unwrap_or_default();
    let count = |separator: &u8| first.bytes().filter(|byte| byte == separator).count();
    // The last of several maxima wins: a comma, where nothing separates.
    [b'|', b'\t', b';', b','].into_iter().max_by_key(count).unwrap_or(b',')
}

fn has_digit(cell: &str) -> bool {
    cell.bytes().any(|byte| byte.is_ascii_digit())
}

/// Words above columns, or above numbers.
fn looks_like_header(records: &[StringRecord]) -> bool {
    let Some((first, rest)) = records.split_first() else { return false };
    let numbered = |record: &StringRecord| record.get(0).is_some_and(has_digit);
    let above = first.len() > 1 || (!rest.is_empty() && rest.iter().all(numbered));
    above && !first.iter().any(has_digit)
}

fn line(record: &StringRecord) -> u64 {
    record.position().map_or(0, csv::Position::line)
}

/// The cell itself is not repeated: what is no id may be a secret in the wrong column.
fn id_of(cell: &str, record: &StringRecord) -> Result<Id, String> {
    cell_id(cell)
        .ok_or_else(|| format!("line {} has no valid id; write one extension per line", line(record)))
}
