//! A list and its comparison as a table for people, and as JSON and CSV for programs.

use std::fmt::Write as _;
use std::io::IsTerminal as _;

use serde_json::{Value, json};

use crate::domain::extensions::{Drift, Extension, Id, by_number};
use crate::domain::target::Target;

pub(super) struct Report<'a> {
    pub target: &'a Target,
    /// In order.
    pub listed: &'a [Extension],
    pub comparison: Option<Comparison>,
    /// What else is worth reporting.
    pub notes: Vec<String>,
}

pub(super) struct Comparison {
    /// Where that is written.
    pub source: String,
    pub drift: Drift,
}

struct Row<'a> {
    id: &'a str,
    /// Empty where nothing was compared.
    state: &'static str,
    tech: &'a str,
    name: &'a str,
}

const HEADER: Row<'static> = Row { id: "EXTENSION", state: "STATE", tech: "TECH", name: "NAME" };

/// Columns of the terminal; `None`: it is none, so nothing is cut.
pub(super) fn width() -> Option<usize> {
    let is_terminal = std::io::stdout().is_terminal();
    is_terminal.then(terminal_size::terminal_size).flatten().map(|(width, _)| usize::from(width.0))
}

impl Report<'_> {
    /// Whether an extension is missing or not expected.
    pub fn differs(&self) -> bool {
        self.comparison.as_ref().is_some_and(|comparison| comparison.drift.is_any())
    }

    /// Everything listed, and everything missing, in one order.
    fn rows(&self) -> Vec<Row<'_>> {
        let drift = self.comparison.as_ref().map(|comparison| &comparison.drift);
        let known = drift.map_or("", |_| "expected");
        let is_odd = |id: &Id| drift.is_some_and(|drift| has(&drift.unexpected.first, id));
        let listed = self.listed.iter().map(|extension| Row {
            id: &extension.id,
            state: if is_odd(&extension.id) { "unexpected" } else { known },
            tech: extension.tech.as_deref().unwrap_or_default(),
            name: extension.name.as_deref().unwrap_or_default(),
        });
        let missing = drift.into_iter().flat_map(|drift| &drift.missing.first);
        let missing = missing.map(|id| Row { id, state: "missing", tech: "", name: "" });
        let mut rows: Vec<_> = listed.chain(missing).collect();
        rows.sort_by(|a, b| by_number(a.id, b.id));
        rows
    }

    /// Columns that hold nothing are left out. The name comes last, and gives way to a narrow terminal.
    pub fn table(&self, width: Option<usize>) -> String {
        let rows = self.rows();
        let fields: [fn(&Row<'_>) -> usize; 3] =
            [|row| letters(row.id), |row| letters(row.state), |row| letters(row.tech)];
        let head = [letters(HEADER.id), letters(HEADER.state), letters(HEADER.tech)];
        let mut widths = [0; 3];
        for (column, field) in fields.into_iter().enumerate() {
            let widest = rows.iter().map(field).max().unwrap_or_default();
            widths[column] = if widest == 0 { 0 } else { widest.max(head[column]) };
        }
        let is_named = rows.iter().any(|row| !row.name.is_empty());
        let header = Row { name: if is_named { HEADER.name } else { "" }, ..HEADER };
        let mut text = String::new();
        if !rows.is_empty() {
            for row in std::iter::once(&header).chain(&rows) {
                text.push_str(&line(row, widths, width));
            }
            text.push('\n');
        }
        text + &self.summary()
    }

    fn summary(&self) -> String {
        let (name, listed) = (&self.target.name, self.listed.len());
        let mut text = format!("{name} lists {listed} extension{}.\n", if listed == 1 { "" } else { "s" });
        let Some(Comparison { source, drift }) = &self.comparison else { return text };
        let (expected, missing, unexpected) = (drift.expected, drift.missing.count, drift.unexpected.count);
        writeln!(text, "{source} expects {expected}: {missing} missing, {unexpected} unexpected.").ok();
        if drift.has_no_match() {
            writeln!(text, "{}", Drift::NO_MATCH).ok();
        }
        for (missing, unexpected) in &drift.zeros {
            writeln!(
                text,
                "{missing} and {unexpected} differ only in leading zeros: spreadsheets drop them."
            )
            .ok();
        }
        text.push_str("Only compared: nothing was changed.\n");
        text
    }

    pub fn json(&self) -> String {
        let item = |extension: &Extension| {
            let mut item = json!({ "id": extension.id });
            let more = [("tech", &extension.tech), ("name", &extension.name)];
            for (key, value) in more.into_iter().filter_map(|(key, value)| Some((key, value.as_ref()?))) {
                item[key] = Value::from(&**value);
            }
            item
        };
        let comparison = self.comparison.as_ref().map(|Comparison { source, drift }| {
            let pair =
                |(missing, unexpected): &(Id, Id)| json!({ "missing": missing, "unexpected": unexpected });
            json!({
                "source": source,
                "expected": drift.expected,
                "missing": drift.missing.first,
                "unexpected": drift.unexpected.first,
                "zeros_in_front": drift.zeros.iter().map(pair).collect::<Vec<_>>(),
            })
        });
        let report = json!({
            "target": &*self.target.name,
            "changes": "none",
            "total": self.listed.len(),
            "extensions": self.listed.iter().map(item).collect::<Vec<_>>(),
            "comparison": comparison,
            "notes": self.notes,
        });
        format!("{report:#}\n")
    }

    pub fn csv(&self) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let rows = self.rows();
        let header = Row { id: "extension", state: "state", tech: "tech", name: "name" };
        for row in std::iter::once(&header).chain(&rows) {
            // Memory can be written to.
            writer.write_record([row.id, row.state, row.tech, row.name]).ok();
        }
        String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
    }
}

/// Whether ordered ids hold one.
fn has(ids: &[Id], id: &str) -> bool {
    ids.binary_search_by(|other| by_number(other, id)).is_ok()
}

fn letters(text: &str) -> usize {
    text.chars().count()
}

fn line(row: &Row<'_>, widths: [usize; 3], width: Option<usize>) -> String {
    let mut text = String::new();
    for (cell, width) in [row.id, row.state, row.tech].into_iter().zip(widths).filter(|(_, width)| *width > 0)
    {
        write!(text, "{cell:width$}  ").ok();
    }
    let room = width.map_or(usize::MAX, |width| width.saturating_sub(letters(&text)).max(1));
    if letters(row.name) > room {
        text.extend(row.name.chars().take(room - 1).chain(['…']));
    } else {
        text.push_str(row.name);
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Grant;
    use crate::domain::target::Call;

    fn table(names: &[&str], width: Option<usize>) -> String {
        let origin = url::Url::parse("https://pbx.example.com").unwrap();
        let target = crate::sim::target::target("office", &origin, Grant::Password, Call::known("rest"));
        let listed: Vec<_> = names
            .iter()
            .zip(2000..)
            .map(|(name, id): (_, u32)| Extension {
                id: id.to_string().into(),
                tech: None,
                name: (!name.is_empty()).then(|| (*name).into()),
            })
            .collect();
        Report { target: &target, listed: &listed, comparison: None, notes: vec![] }.table(width)
    }

    #[test]
    fn a_name_gives_way_to_a_narrow_terminal() {
        let names = ["Überlänge am Empfang", "Büro", ""];
        let wide = "EXTENSION  NAME\n2000       Überlänge am Empfang\n2001       Büro\n2002\n\noffice lists 3 extensions.\n";
        for width in [None, Some(80), Some(31)] {
            assert_eq!(table(&names, width), wide, "{width:?}");
        }
        assert!(table(&names, Some(20)).contains("\n2000       Überläng…\n2001       Büro\n"));
        assert!(table(&names, Some(3)).contains("\n2000       …\n"));
    }

    #[test]
    fn nothing_listed_is_no_empty_table() {
        assert_eq!(table(&[], None), "office lists 0 extensions.\n");
        assert_eq!(table(&[""], None), "EXTENSION\n2000\n\noffice lists 1 extension.\n");
    }
}
