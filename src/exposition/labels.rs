//! The label that identifies a target, escaped once for a whole scrape.

use super::encoder::BLOCK;

/// The escaped label of every target, end to end: two allocations however many targets there are.
/// Zeros behind the last, so that a label can be copied as a whole block.
#[derive(Debug, Default)]
pub struct Labels {
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Labels {
    pub fn push(&mut self, name: &str) {
        self.text.truncate(self.ends.last().copied().unwrap_or(0));
        self.text.extend_from_slice(b"target=\"");
        escape(&mut self.text, name, true);
        self.text.push(b'"');
        self.ends.push(self.text.len());
        self.text.extend_from_slice(&[0; BLOCK]);
    }

    pub fn get(&self, target: usize) -> Label<'_> {
        let start = if target == 0 { 0 } else { self.ends[target - 1] };
        Label { from: &self.text[start..], len: self.ends[target] - start }
    }
}

/// An escaped `target="..."` inside a text that has a block to spare behind it.
#[derive(Clone, Copy, Debug)]
pub struct Label<'a> {
    /// From the label's beginning to the end of the text it is in.
    pub from: &'a [u8],
    pub len: usize,
}

impl<'a> Label<'a> {
    /// A label is copied as a block if it fits into one.
    pub(crate) fn block(&self) -> Option<&'a [u8; BLOCK]> {
        self.from.first_chunk().filter(|_| self.len <= BLOCK)
    }

    pub(crate) fn text(&self) -> &'a [u8] {
        &self.from[..self.len]
    }
}

/// Escapes backslash, line feed and, in label values and in the HELP of OpenMetrics, the quote.
pub fn escape(out: &mut Vec<u8>, text: &str, quote: bool) {
    // Through all of it: without a way out before the end the compiler looks at many bytes at once.
    if !text.bytes().fold(false, |found, byte| found | matches!(byte, b'\\' | b'\n' | b'"')) {
        return out.extend_from_slice(text.as_bytes());
    }
    for byte in text.bytes() {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'"' if quote => out.extend_from_slice(b"\\\""),
            _ => out.push(byte),
        }
    }
}
