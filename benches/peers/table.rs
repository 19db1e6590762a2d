//! Rows, their limits, and the Markdown table.

use std::fmt;

/// One number beside its peer's.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    pub ours: f64,
    pub peer: f64,
    /// Ours over the peer's: the median over rounds, not the quotient of the two medians.
    pub ratio: f64,
}

impl Pair {
    /// Of rounds that each measured both.
    pub fn of(rounds: &[(f64, f64)]) -> Self {
        Self {
            ours: median(rounds.iter().map(|(ours, _)| *ours)),
            peer: median(rounds.iter().map(|(_, peer)| *peer)),
            ratio: median(rounds.iter().map(|(ours, peer)| ours / peer)),
        }
    }
}

/// The middle value.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// What a row must hold to.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

impl Limit {
    fn allows(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
        }
    }
}

/// One line of the table.
#[derive(Debug)]
pub struct Row {
    cells: [String; 6],
    passes: bool,
}

impl Row {
    /// A comparison: the limit holds for the ratio. `peer` names who was measured.
    pub fn pair(what: &str, unit: &str, pair: Pair, peer: &str, limit: Limit) -> Self {
        let passes = limit.allows(pair.ratio);
        let limit = match limit {
            Limit::AtMost(limit) => format!("at most {limit:.1}"),
            Limit::AtLeast(limit) => format!("at least {limit:.1}"),
        };
        let (ours, theirs) = (quantity(pair.ours, unit), quantity(pair.peer, unit));
        Self::new(what, ours, format!("{theirs} ({peer})"), format!("{:.2}", pair.ratio), limit, passes)
    }

    /// A number of ours alone.
    pub fn alone(what: &str, unit: &str, value: f64, at_most: f64) -> Self {
        let passes = Limit::AtMost(at_most).allows(value);
        let limit = format!("at most {at_most} {unit}");
        Self::new(what, quantity(value, unit), String::new(), String::new(), limit, passes)
    }

    fn new(what: &str, ours: String, peer: String, ratio: String, limit: String, passes: bool) -> Self {
        let verdict = if passes { "pass" } else { "**FAIL**" };
        Self { cells: [what.to_owned(), ours, peer, ratio, limit, verdict.to_owned()], passes }
    }
}

fn quantity(value: f64, unit: &str) -> String {
    let digits = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.digits$} {unit}").trim_end().to_owned()
}

/// All rows.
#[derive(Debug, Default)]
pub struct Table(Vec<Row>);

impl Table {
    /// Takes in a group's rows.
    pub fn add(&mut self, rows: Vec<Row>) {
        self.0.extend(rows);
    }

    /// Whether every row holds to its limit.
    pub fn passes(&self) -> bool {
        self.0.iter().all(|row| row.passes)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["what", "pbx_exporter", "peer", "ratio", "limit", ""].map(str::to_owned);
        let lines = || std::iter::once(&head).chain(self.0.iter().map(|row| &row.cells));
        let widths: [usize; 6] = std::array::from_fn(|i| lines().map(|c| c[i].len()).max().unwrap_or(0));
        for (n, cells) in lines().enumerate() {
            for (cell, width) in cells.iter().zip(widths) {
                write!(f, "| {cell:width$} ")?;
            }
            writeln!(f, "|")?;
            if n == 0 {
                writeln!(f, "|{}", widths.map(|width| format!(" {} |", "-".repeat(width.max(3)))).concat())?;
            }
        }
        Ok(())
    }
}
