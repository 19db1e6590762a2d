//! The one encoder of both exposition formats: Prometheus text 0.0.4 and OpenMetrics 1.0.
//!
//! Belongs here: spelling. Does not belong here: which families exist. Lines are put together from
//! three pieces without `fmt` and without allocation: a prefix (name and `target` label, made once
//! per family and target), a constant [`Tail`], and the value. A scrape is a hundred lines for each
//! target, so a line must not cost more than the copy of its bytes.

use super::labels::{Label, Labels, escape};
use super::negotiate::Format;

/// What a family is. `Info` is a gauge that stands at 1 in the text format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows; the name ends in `_total`.
    Counter,
    Gauge,
    /// Constant facts as labels; the name ends in `_info`.
    Info,
    Histogram,
}

impl Kind {
    pub const fn word(self, format: Format) -> &'static str {
        match (self, format) {
            (Self::Counter, _) => "counter",
            (Self::Info, Format::OpenMetrics(_)) => "info",
            (Self::Gauge, _) | (Self::Info, Format::Text) => "gauge",
            (Self::Histogram, _) => "histogram",
        }
    }

    /// The name on the HELP and TYPE lines: `OpenMetrics` drops the suffix that samples carry.
    fn family_name(self, name: &str, format: Format) -> &str {
        let suffix = match (self, format) {
            (Self::Counter, Format::OpenMetrics(_)) => "_total",
            (Self::Info, Format::OpenMetrics(_)) => "_info",
            _ => return name,
        };
        name.strip_suffix(suffix).unwrap_or(name)
    }
}

/// Bytes copied at once: a fixed length becomes a few vector moves where a variable one is a call
/// to `memcpy` (13 ns for a whole line).
pub const BLOCK: usize = 64;
/// A prefix up to this length is copied by blocks.
const PREFIX: usize = 2 * BLOCK;
/// A longest value and its line feed.
const VALUE: usize = 32;

/// A cell without a sample: no count is as high, and as a float it is no number.
pub const ABSENT: u64 = u64::MAX;

/// How a [`Tail`] ends.
const ZERO: &str = "0\n";

/// The constant end of a line for the value 0: more labels, then `} 0\n`; padded to a block.
#[derive(Clone, Copy, Debug)]
pub struct Tail {
    text: [u8; BLOCK],
    len: usize,
}

impl Tail {
    pub const PLAIN: Self = Self::new(&[]);

    /// Further labels as name and value, which need no escaping.
    ///
    /// # Panics
    /// When evaluated (at compile time), if the labels do not fit into a block.
    pub const fn new(labels: &[(&str, &str)]) -> Self {
        let mut tail = Self { text: [0; BLOCK], len: 0 };
        let mut i = 0;
        while i < labels.len() {
            tail = tail.push(",").push(labels[i].0).push("=\"").push(labels[i].1).push("\"");
            i += 1;
        }
        tail.push("} ").push(ZERO)
    }

    const fn push(mut self, text: &str) -> Self {
        let mut i = 0;
        while i < text.len() {
            self.text[self.len] = text.as_bytes()[i];
            self.len += 1;
            i += 1;
        }
        self
    }
}

/// Writes one exposition into a buffer that its owner empties chunk by chunk.
#[derive(Debug)]
pub struct Encoder {
    /// All of it is initialised, so that a write into reserved room need not change its length.
    out: Vec<u8>,
    len: usize,
    prefix: Prefix,
    format: Format,
}

/// What a line begins with: `name{target="..."`.
#[derive(Debug)]
struct Prefix {
    /// Padded to at least [`PREFIX`], with room for a label's block.
    text: Vec<u8>,
    name: usize,
    len: usize,
}

impl Encoder {
    pub fn new(format: Format) -> Self {
        let prefix = Prefix { text: vec![0; PREFIX], name: 0, len: 0 };
        Self { out: Vec::new(), len: 0, prefix, format }
    }

    pub const fn format(&self) -> Format {
        self.format
    }

    pub const fn len(&self) -> usize {
        self.len
    }

    /// Writes into `buffer` from now on, from its beginning and over what it holds.
    pub fn put(&mut self, buffer: Vec<u8>) {
        (self.out, self.len) = (buffer, 0);
    }

    pub fn take(&mut self) -> (Vec<u8>, usize) {
        (std::mem::take(&mut self.out), std::mem::take(&mut self.len))
    }

    #[inline]
    fn reserve(&mut self, more: usize) {
        let needed = self.len + more;
        if self.out.len() < needed {
            self.out.resize(needed.max(2 * self.out.len()), 0);
        }
    }

    /// HELP and TYPE of the family whose samples are called `name`.
    pub fn header(&mut self, name: &str, kind: Kind, help: &str) {
        let (family, word) = (kind.family_name(name, self.format), kind.word(self.format));
        self.raw("# HELP ").raw(family).raw(" ");
        self.escaped(help, matches!(self.format, Format::OpenMetrics(_)));
        self.raw("\n# TYPE ").raw(family).raw(" ").raw(word).raw("\n");
    }

    pub fn end(&mut self) {
        if let Format::OpenMetrics(_) = self.format {
            self.raw("# EOF\n");
        }
    }

    /// Sets the name that the next lines begin with.
    #[inline(never)]
    pub fn name(&mut self, name: &str) {
        let Prefix { text, name: end, .. } = &mut self.prefix;
        text[..name.len()].copy_from_slice(name.as_bytes());
        text[name.len()] = b'{';
        *end = name.len() + 1;
    }

    /// Sets the label that follows: an escaped `target="..."`.
    #[inline(never)]
    pub fn target(&mut self, label: &Label<'_>) {
        let Prefix { text, name, len } = &mut self.prefix;
        *len = *name + label.len;
        if let (Some(block), Some(room)) = (label.block(), text[*name..].first_chunk_mut::<BLOCK>()) {
            *room = *block;
        } else {
            text.resize(text.len().max(*len), 0);
            text[*name..*len].copy_from_slice(label.text());
        }
    }

    /// Makes room for `count` lines, which `write` then puts down.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "what is written here must stay in registers")]
    fn lines(&mut self, count: usize, write: impl FnOnce(&mut Lines<'_>)) {
        self.reserve(count * (self.prefix.len.max(PREFIX) + BLOCK + VALUE));
        let (prefix, prefix_len) = (&self.prefix.text[..], self.prefix.len);
        let mut lines = Lines { out: &mut self.out, at: self.len, prefix, prefix_len };
        write(&mut lines);
        self.len = lines.at;
    }

    /// One line of the value 0 for each of `tails` whose bit is set in `which`.
    #[inline(never)]
    pub fn zeros(&mut self, tails: &[Tail], which: u32) {
        self.lines(which.count_ones() as usize, |lines| {
            let mut left = which;
            while left != 0 {
                lines.put(&tails[left.trailing_zeros() as usize], 0);
                left &= left - 1;
            }
        });
    }

    /// One line for each of `tails` with the sum of `counts` so far: the buckets of a histogram, whose
    /// count comes back.
    #[inline(never)]
    pub fn cumulative(&mut self, tails: &[Tail], counts: &[u32]) -> u64 {
        let mut sum = 0;
        self.lines(tails.len(), |lines| {
            for (tail, alone) in tails.iter().zip(counts) {
                sum += u64::from(*alone);
                lines.put(tail, sum);
            }
        });
        sum
    }

    #[inline(never)]
    pub fn line(&mut self, tail: &Tail, value: u64) {
        self.lines(1, |lines| lines.put(tail, value));
    }

    /// One line with a float that is measured: to the microsecond, where it is small enough for that.
    #[inline(never)]
    pub fn line_float(&mut self, tail: &Tail, value: f64) {
        // Half a microsecond and a cut below: f64::round is a call into libm.
        let micros = value * 1e6 + 0.5;
        if (0.0..9e15).contains(&micros) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 9e15; cut")]
            self.lines(1, |lines| lines.put_micros(tail, micros as u64));
        } else {
            self.line(tail, 0);
            self.len -= ZERO.len();
            self.float(value).newline();
        }
    }

    /// One line for each of `cells` that is not [`ABSENT`], each with the label of one target, from that of `first` on; as
    /// a float where `float`, whose bits the cell then has. Stops once `until` bytes are written; gives how many it went through.
    #[inline(never)]
    pub fn column(
        &mut self,
        labels: &Labels,
        first: usize,
        cells: &[u64],
        float: bool,
        until: usize,
    ) -> usize {
        for (i, cell) in cells.iter().enumerate().filter(|(_, cell)| **cell != ABSENT) {
            self.target(&labels.get(first + i));
            if float {
                self.line_float(&Tail::PLAIN, f64::from_bits(*cell));
            } else {
                self.line(&Tail::PLAIN, *cell);
            }
            if self.len >= until {
                return i + 1;
            }
        }
        cells.len()
    }

    /// One line whose further labels are known at the scrape only.
    #[inline(never)]
    pub fn line_labels(&mut self, labels: &[(&str, &str)], value: u64) {
        self.reserve(self.prefix.len);
        let end = self.len + self.prefix.len;
        self.out[self.len..end].copy_from_slice(&self.prefix.text[..self.prefix.len]);
        self.len = end;
        for (name, text) in labels {
            self.raw(",");
            self.label(name, text);
        }
        self.raw("} ").uint(value).newline();
    }

    pub fn raw(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    #[inline]
    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.reserve(bytes.len());
        let end = self.len + bytes.len();
        self.out[self.len..end].copy_from_slice(bytes);
        self.len = end;
        self
    }

    pub fn newline(&mut self) {
        self.raw("\n");
    }

    pub fn label(&mut self, name: &str, value: &str) {
        self.raw(name).raw("=\"");
        self.escaped(value, true).raw("\"");
    }

    fn escaped(&mut self, text: &str, quote: bool) -> &mut Self {
        let mut escaped = Vec::with_capacity(text.len());
        escape(&mut escaped, text, quote);
        self.bytes(&escaped)
    }

    #[inline]
    pub fn uint(&mut self, value: u64) -> &mut Self {
        self.raw(itoa::Buffer::new().format(value))
    }

    /// A whole number is written as an integer: shorter, and valid in both formats.
    pub fn float(&mut self, value: f64) -> &mut Self {
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
        if value.fract() == 0.0 && value.abs() < 9e15 {
            self.raw(itoa::Buffer::new().format(value as i64))
        } else if value.is_finite() {
            self.raw(ryu::Buffer::new().format_finite(value))
        } else {
            self.raw(if value.is_nan() {
                "NaN"
            } else if value > 0.0 {
                "+Inf"
            } else {
                "-Inf"
            })
        }
    }

    /// A bound as label value: OpenMetrics wants the canonical float, `1.0`.
    pub fn bound(&mut self, value: f64) -> &mut Self {
        if self.format == Format::Text || value.is_infinite() {
            return self.float(value);
        }
        self.raw(ryu::Buffer::new().format_finite(value))
    }
}

/// Lines into room that is already there. A value of its own, so that the compiler keeps it in
/// registers: a line costs a few vector moves and no call.
#[derive(Debug)]
struct Lines<'a> {
    out: &'a mut [u8],
    at: usize,
    prefix: &'a [u8],
    prefix_len: usize,
}

#[expect(clippy::inline_always, reason = "a call for each line would put the value back into memory")]
impl Lines<'_> {
    #[inline(always)]
    fn put(&mut self, tail: &Tail, value: u64) {
        if self.prefix_len <= BLOCK {
            self.copy::<BLOCK>();
        } else if self.prefix_len <= PREFIX {
            self.copy::<PREFIX>();
        } else {
            self.out[self.at..][..self.prefix_len].copy_from_slice(&self.prefix[..self.prefix_len]);
        }
        self.at += self.prefix_len;
        self.out[self.at..][..BLOCK].copy_from_slice(&tail.text);
        self.at += tail.len;
        if value != 0 {
            self.value(value);
        }
    }

    #[inline(always)]
    fn put_micros(&mut self, tail: &Tail, micros: u64) {
        self.put(tail, 0);
        self.at = millionths(self.out, self.at - ZERO.len(), micros);
    }

    /// The beginning of the prefix, with what is behind it, to be written over.
    #[inline(always)]
    fn copy<const N: usize>(&mut self) {
        self.out[self.at..][..N].copy_from_slice(&self.prefix[..N]);
    }

    /// Takes the place of the 0 just written.
    #[inline(always)]
    fn value(&mut self, value: u64) {
        let zero = self.at - ZERO.len();
        if let Ok(digit @ 1..10) = u8::try_from(value) {
            self.out[zero] = b'0' + digit;
        } else {
            self.at = number(self.out, zero, value);
        }
    }
}

/// Writes a number and a line feed; gives where they end.
fn number(out: &mut [u8], at: usize, value: u64) -> usize {
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(value).as_bytes();
    let end = at + digits.len();
    out[at..end].copy_from_slice(digits);
    out[end] = b'\n';
    end + 1
}

/// Writes millionths with at most six decimals, and a line feed; gives where they end. By integers alone: a
/// third of the time of the shortest exact form, which for a Unix time is as long.
fn millionths(out: &mut [u8], at: usize, value: u64) -> usize {
    let (whole, rest) = (value / 1_000_000, value % 1_000_000);
    let point = number(out, at, whole) - 1;
    if rest == 0 {
        return point + 1;
    }
    // A one in front keeps the zeros; the point takes its place.
    number(out, point, 1_000_000 + rest);
    out[point] = b'.';
    let mut end = point + 7;
    while out[end - 1] == b'0' {
        end -= 1;
    }
    out[end] = b'\n';
    end + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::negotiate::Version;

    const FORMATS: [Format; 2] = [Format::Text, Format::OpenMetrics(Version::V1_0_0)];

    fn written(format: Format, write: impl FnOnce(&mut Encoder)) -> String {
        let mut encoder = Encoder::new(format);
        write(&mut encoder);
        let (mut text, len) = encoder.take();
        text.truncate(len);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn floats_are_spelled_so_that_prometheus_parses_them() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (0.025, "0.025"),
            (1e3, "1000"),
            (1_795_290_298.412_29, "1795290298.41229"),
            (1e18, "1e18"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(
                written(Format::Text, |e| {
                    e.float(value);
                }),
                text
            );
        }
    }

    #[test]
    fn measured_floats_have_six_decimals_at_most() {
        for (value, text) in [
            (0.0, "0"),
            (0.5, "0.5"),
            (0.000_001, "0.000001"),
            (0.000_000_4, "0"),
            (0.012_345_678, "0.012346"),
            (0.999_999_9, "1"),
            (10.05, "10.05"),
            (1_795_290_298.412_29, "1795290298.41229"),
            (1e18, "1e18"),
            (-1.5, "-1.5"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(written(Format::Text, |e| e.line_float(&Tail::PLAIN, value)), format!("}} {text}\n"));
        }
    }

    #[test]
    fn bounds_are_canonical_floats_in_open_metrics_only() {
        for (value, text, open) in
            [(1.0, "1", "1.0"), (0.01, "0.01", "0.01"), (f64::INFINITY, "+Inf", "+Inf")]
        {
            let [a, b] = FORMATS.map(|format| {
                written(format, |e| {
                    e.bound(value);
                })
            });
            assert_eq!((a.as_str(), b.as_str()), (text, open));
        }
    }

    #[test]
    fn open_metrics_drops_the_suffix_in_metadata_and_escapes_quotes_in_help() {
        let [text, open] =
            FORMATS.map(|f| written(f, |e| e.header("a_total", Kind::Counter, "a \"b\" \\ \n.")));
        assert_eq!(text, "# HELP a_total a \"b\" \\\\ \\n.\n# TYPE a_total counter\n");
        assert_eq!(open, "# HELP a a \\\"b\\\" \\\\ \\n.\n# TYPE a counter\n");
        let [text, open] = FORMATS.map(|f| written(f, |e| e.header("a_info", Kind::Info, "b")));
        assert_eq!(text, "# HELP a_info b\n# TYPE a_info gauge\n");
        assert_eq!(open, "# HELP a b\n# TYPE a info\n");
    }

    #[test]
    fn a_line_is_the_same_whether_its_prefix_is_short_or_longer_than_a_block() {
        const TAIL: Tail = Tail::new(&[("operation", "token")]);
        for n in [1, 50, 64, 65, 300] {
            let label = format!("target=\"{}\"", "x".repeat(n));
            let text = written(Format::Text, |e| {
                e.name("a");
                e.target(&Label { from: label.as_bytes(), len: label.len() });
                e.line(&TAIL, 0);
                e.line(&TAIL, 1234);
                e.line_float(&TAIL, 0.5);
            });
            let expected = ["0", "1234", "0.5"].map(|v| format!("a{{{label},operation=\"token\"}} {v}\n"));
            assert_eq!(text, expected.concat());
        }
    }
}
