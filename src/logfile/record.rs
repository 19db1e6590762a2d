//! From bytes to lines, and from lines to records, both bounded.
//!
//! A record is what one event wrote: a line of an access log, a `print_r` over several lines, an error with
//! its stack trace.

use super::classify::is_access;
use crate::domain::target::LogFormat;

/// What is kept of a line; a web server's own limit for a request line is 8 KiB.
const LINE: usize = 16 << 10;
/// What is kept of a record: its first lines say what it is.
const RECORD: usize = 32 << 10;

pub(super) struct Records {
    format: LogFormat,
    /// A line whose end is not yet seen, up to [`LINE`] bytes.
    partial: Vec<u8>,
    /// Whether the line under way is not wanted: its beginning was not read.
    skip: bool,
    /// A record whose end is not yet seen.
    pending: Option<String>,
    /// Lines so far, but for empty ones, of which none fits the format; `None`: one did.
    strange: Option<u32>,
}

impl Records {
    pub fn new(format: LogFormat) -> Self {
        Self { format, partial: Vec::new(), skip: false, pending: None, strange: Some(0) }
    }

    /// Begins with the next bytes, which go on within a line if `cut`. What is not whole is dropped.
    pub fn begin(&mut self, cut: bool) {
        (self.partial, self.skip, self.pending) = (Vec::new(), cut, None);
    }

    /// Takes bytes in and gives the records that they complete.
    pub fn feed(&mut self, mut bytes: &[u8], record: &mut dyn FnMut(&str)) {
        while let Some(end) = bytes.iter().position(|b| *b == b'\n') {
            let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
            bytes = rest;
            if self.partial.is_empty() && !self.skip {
                self.line(&line[..line.len().min(LINE)], record);
            } else {
                self.keep(line);
                self.end_line(record);
            }
        }
        self.keep(bytes);
    }

    /// Says so where no line fits the format, after `many` of them.
    pub fn misfit(&self, many: u32) -> Option<String> {
        self.strange.filter(|strange| *strange >= many.max(1))?;
        let (word, form) = match self.format {
            LogFormat::AccessLog => (
                "access_log",
                "common, combined and vhost_combined are read, with `[TIME] \"REQUEST\" STATUS` in each line; JSON is not",
            ),
            LogFormat::GqlApiError => {
                ("gql_api_error", "each record begins with a time, as in `2025-01-08 17:12:16 - `")
            }
            LogFormat::FreepbxLog => (
                "freepbx_log",
                "each record begins with `[TIME]` or `PHP `, or is a line of Apache's or nginx's error log",
            ),
        };
        Some(format!(
            "is read, but no line of it fits the format {word}, so nothing is counted: {form}; correct `format` or the file"
        ))
    }

    /// The file has ended for good: what is not ended counts as it is.
    pub fn finish(&mut self, record: &mut dyn FnMut(&str)) {
        if !self.partial.is_empty() {
            self.end_line(record);
        }
        self.flush(record);
    }

    /// Gives a record whose end is not marked.
    pub fn flush(&mut self, record: &mut dyn FnMut(&str)) {
        if let Some(pending) = self.pending.take() {
            record(&pending);
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        if !self.skip {
            let room = LINE - self.partial.len();
            self.partial.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }

    fn end_line(&mut self, record: &mut dyn FnMut(&str)) {
        let line = std::mem::take(&mut self.partial);
        if !std::mem::take(&mut self.skip) {
            self.line(&line, record);
        }
    }

    fn line(&mut self, line: &[u8], record: &mut dyn FnMut(&str)) {
        let line = String::from_utf8_lossy(line);
        let line = line.strip_suffix('\r').unwrap_or(&line);
        self.strange = match self.strange {
            Some(_) if fits(self.format, line) => None,
            Some(lines) if !line.trim().is_empty() => Some(lines.saturating_add(1)),
            other => other,
        };
        if self.format == LogFormat::AccessLog {
            return record(line);
        }
        if starts_record(self.format, line) {
            self.flush(record);
            self.pending = Some(line.to_owned());
        } else if let Some(pending) = &mut self.pending {
            if pending.len() + line.len() < RECORD {
                pending.push('\n');
                pending.push_str(line);
            }
            // What `print_r` ends an object with.
            if self.format == LogFormat::GqlApiError && line == ")" {
                self.flush(record);
            }
        }
    }
}

fn fits(format: LogFormat, line: &str) -> bool {
    if format == LogFormat::AccessLog { is_access(line) } else { starts_record(format, line) }
}

fn starts_record(format: LogFormat, line: &str) -> bool {
    match format {
        LogFormat::AccessLog => true,
        LogFormat::GqlApiError => gql_time(line).is_some(),
        LogFormat::FreepbxLog => {
            let bracket =
                line.strip_prefix('[').is_some_and(|time| time.starts_with(|c: char| c.is_ascii_digit()));
            line.starts_with("PHP ") || bracket || is_error_log(line)
        }
    }
}

/// `[Fri May 17 10:00:00.123456 2024] ` of Apache, `2024/05/17 10:00:00 [` of nginx.
fn is_error_log(line: &str) -> bool {
    let apache = line.strip_prefix('[').and_then(|rest| rest.split_once(' '));
    let day = |word: &str| ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].contains(&word);
    let nginx = line
        .split_at_checked(19)
        .is_some_and(|(time, rest)| has_shape(time, b"0000/00/00 00:00:00") && rest.starts_with(" ["));
    nginx || apache.is_some_and(|(word, _)| day(word))
}

fn has_shape(text: &str, shape: &[u8; 19]) -> bool {
    let fits = |(byte, shape): (u8, &u8)| if *shape == b'0' { byte.is_ascii_digit() } else { byte == *shape };
    text.bytes().zip(shape).all(fits)
}

/// `2025-01-08 17:12:16` of a line that goes on with ` - ` (FreePBX/api:Api.class.php, `writelog`).
pub(super) fn gql_time(line: &str) -> Option<&str> {
    let (time, rest) = line.split_at_checked(19)?;
    (rest.starts_with(" - ") && has_shape(time, b"0000-00-00 00:00:00")).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(format: LogFormat, chunks: &[&[u8]]) -> Vec<String> {
        let (mut records, mut found) = (Records::new(format), Vec::new());
        for chunk in chunks {
            records.feed(chunk, &mut |record| found.push(record.to_owned()));
        }
        records.finish(&mut |record| found.push(record.to_owned()));
        found
    }

    #[test]
    fn lines_are_the_same_however_the_bytes_are_cut() {
        let text = b"one\r\ntwo\n\nthree \xff\nfour";
        let whole = records(LogFormat::AccessLog, &[text]);
        assert_eq!(whole, ["one", "two", "", "three \u{fffd}", "four"]);
        for at in 0..text.len() {
            let (a, b) = text.split_at(at);
            assert_eq!(records(LogFormat::AccessLog, &[a, b]), whole, "cut at {at}");
        }
    }

    #[test]
    fn an_endless_line_is_kept_up_to_its_bound_and_the_next_line_is_whole() {
        let long = vec![b'x'; 3 * LINE];
        for chunks in [&[&long[..], b"y\nnext\n"][..], &[&[&long[..], b"\nnext\n"].concat()]] {
            let found = records(LogFormat::AccessLog, chunks);
            assert_eq!((found[0].len(), found[1].as_str()), (LINE, "next"));
        }
    }

    #[test]
    fn a_print_r_is_one_record_and_what_stands_between_records_is_none() {
        let text = "rest of an older one\n)\n2025-01-08 17:12:16 - stdClass Object\n(\n    [message] => a\n    [b] => \
                    Array\n        (\n        )\n\n)\n\nnoise\n2025-01-08 17:12:17 - one line\n2025-01-08 17:12:18 - last";
        let found = records(LogFormat::GqlApiError, &[text.as_bytes()]);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].ends_with("\n)") && found[0].contains("[message] => a"), "{}", found[0]);
    }

    #[test]
    fn a_record_without_end_stays_within_its_bound() {
        let text = format!("2025-01-08 17:12:16 - stdClass Object\n{}", "    [a] => b\n".repeat(100_000));
        let found = records(LogFormat::GqlApiError, &[text.as_bytes()]);
        assert!(found.len() == 1 && found[0].len() <= RECORD, "{}", found[0].len());
    }

    #[test]
    fn a_stack_trace_belongs_to_its_error() {
        let text = "[2024-05-31 07:00:12] [freepbx.INFO]: fine [] []\n[08-Jan-2025 17:12:16 UTC] PHP Fatal error:  \
                    a\nStack trace:\n#0 b\nPHP Warning: c\n";
        let found = records(LogFormat::FreepbxLog, &[text.as_bytes()]);
        assert_eq!(found.len(), 3);
        assert!(found[1].ends_with("\n#0 b"));
    }
}
