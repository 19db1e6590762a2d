//! JSON as bytes bring it: what common clients take is taken here, for token and list alike.
//!
//! A byte order mark, blank lines, and what PHP or a module prints around JSON that is whole. Does not belong here: what the
//! JSON means.

mod bounds;

use serde_json::{Deserializer, Value};

use self::bounds::Bounds;

/// JSON out of a body.
#[derive(Debug, PartialEq)]
pub struct Found {
    pub json: Value,
    pub around: Around,
}

/// What stood around the JSON. A strict reader fails at both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Around {
    /// Blanks at most.
    #[default]
    Nothing,
    /// A byte order mark (RFC 8259 section 8.1).
    Mark,
    /// Text before or behind it: PHP's messages, what a module prints.
    Output,
}

impl Around {
    /// The kind of a body, as evidence.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Nothing => "JSON",
            Self::Mark => "JSON after a byte order mark",
            Self::Output => "JSON with other output around it",
        }
    }
}

const MARK: &[u8] = b"\xef\xbb\xbf";

/// The JSON that is certainly meant; `None` where there is none, more than one, or one that is broken.
///
/// Each text is counted before it is built: a value takes up to 400 times the memory of its text.
pub fn read(body: &[u8]) -> Option<Found> {
    let rest = without_marks(body);
    if Bounds::default().allow(rest)
        && let Ok(json) = serde_json::from_slice(rest)
    {
        let around = if body.trim_ascii_start().starts_with(MARK) { Around::Mark } else { Around::Nothing };
        return Some(Found { json, around });
    }
    Some(Found { json: among_output(rest)?, around: Around::Output })
}

/// Each PHP file that was saved with a mark prints one.
fn without_marks(body: &[u8]) -> &[u8] {
    let mut rest = body.trim_ascii();
    while let Some(behind) = rest.strip_prefix(MARK) {
        rest = behind.trim_ascii_start();
    }
    rest
}

/// What looks like the beginning of JSON in other output is tried so often, so that no text takes long.
const TRIES: usize = 64;

/// The only object or list of objects in a text that is no page.
fn among_output(text: &[u8]) -> Option<Value> {
    if is_page(text) {
        return None;
    }
    let (mut only, mut at, mut tries, mut bounds) = (None, 0, 0, Bounds::default());
    while let Some(skipped) = text[at..].iter().position(|b| matches!(b, b'{' | b'[')) {
        at += skipped;
        tries += 1;
        if tries > TRIES || !bounds.allow(&text[at..]) {
            return None;
        }
        let mut values = Deserializer::from_slice(&text[at..]).into_iter::<Value>();
        match values.next() {
            Some(Ok(json)) if is_document(&json, &text[at + values.byte_offset()..]) => {
                if only.replace(json).is_some() {
                    return None;
                }
                at += values.byte_offset();
            }
            // An index such as `[0]`, as PHP prints arrays.
            Some(Ok(_)) => at += values.byte_offset(),
            // Cut off or interrupted: what it holds is whole, and not the answer.
            Some(Err(error)) if error.is_eof() || begins_document(&text[at..]) => return None,
            _ => at += 1,
        }
    }
    only
}

/// An empty list is one where nothing follows.
fn is_document(json: &Value, behind: &[u8]) -> bool {
    match json {
        Value::Object(members) => !members.is_empty(),
        Value::Array(items) if items.is_empty() => behind.trim_ascii().is_empty(),
        Value::Array(items) => items.iter().all(Value::is_object),
        _ => false,
    }
}

fn begins_document(text: &[u8]) -> bool {
    let inside = text[1..].trim_ascii_start();
    matches!((text[0], inside.first()), (b'{', Some(b'"')) | (b'[', Some(b'{' | b'"')))
}

/// A page may hold JSON of its own, which is not the API's.
fn is_page(text: &[u8]) -> bool {
    const TAGS: [&str; 6] = ["!doctype", "html", "head", "body", "script", "form"];
    let opens = |rest: &[u8], tag: &str| {
        rest.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag.as_bytes()))
    };
    text.split(|byte| *byte == b'<').skip(1).any(|rest| TAGS.iter().any(|tag| opens(rest, tag)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::bounds::VALUES;
    use super::*;

    const NOTICE: &str = "<br />\n<b>Warning</b>:  Undefined array key \"x\" in <b>/var/www/html/a.php</b> on line <b>0</b><br />\n";

    fn around(body: impl AsRef<[u8]>) -> Option<Around> {
        read(body.as_ref()).map(|found| {
            assert_eq!(found.json, json!({"a": [{"b": 1}]}));
            found.around
        })
    }

    #[test]
    fn what_common_clients_take_is_taken() {
        let json = r#"{"a":[{"b":1}]}"#;
        let printed = "Array\n(\n    [0] => x\n    [key] => {main}\n)\n";
        for (body, expected) in [
            (json.to_owned(), Around::Nothing),
            (format!("\r\n\n  {json}\n\n"), Around::Nothing),
            (format!("\u{feff}{json}"), Around::Mark),
            (format!("\u{feff}\n\u{feff}\u{feff}{json}\n"), Around::Mark),
            (format!("{NOTICE}{json}"), Around::Output),
            (format!("{json}\n{NOTICE}"), Around::Output),
            (format!("{NOTICE}{NOTICE}\u{feff}{json}{NOTICE}"), Around::Output),
            (format!("\nDeprecated: strlen() in /a.php on line 5\n{json}"), Around::Output),
            (format!("debug{json}"), Around::Output),
            (format!("{printed}{json}"), Around::Output),
        ] {
            assert_eq!(around(&body), Some(expected), "{body}");
        }
        assert_eq!(around([b"caf\xe9\n".as_slice(), json.as_bytes()].concat()), Some(Around::Output));
        let empty = read(format!("{NOTICE}[]").as_bytes());
        assert_eq!(empty, Some(Found { json: json!([]), around: Around::Output }));
    }

    #[test]
    fn what_may_not_be_meant_is_not_taken() {
        let json = r#"{"a":[{"b":1}]}"#;
        for body in [
            String::new(),
            NOTICE.to_owned(),
            format!("{json}{json}"),
            format!("{NOTICE}{json}\n{json}"),
            format!(r#"{{"data":{json}"#),
            format!(r#"{NOTICE}{{"data":{json}"#),
            format!(r#"[{json},{{"b"#),
            format!(r#"{{"data":{NOTICE}{json}}}"#),
            format!(r#"{{"data":{json},}}"#),
            format!("<!DOCTYPE html><title>Login</title><script>var x = {json}</script>"),
            format!("<HTML><pre>{json}</pre>"),
            "<b>Notice</b> [] {} [1]".to_owned(),
            "[1".to_owned(),
        ] {
            assert_eq!(read(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn a_list_of_100_000_extensions_is_read() {
        let one = r#"{"extensionId":"1001","tech":"pjsip","user":{"name":"A. Person"}}"#;
        let list = vec![one; 100_000].join(",");
        let body =
            format!(r#"{{"data":{{"fetchAllExtensions":{{"totalCount":100000,"extension":[{list}]}}}}}}"#);
        for body in [body.clone(), format!("{NOTICE}{body}{NOTICE}")] {
            let json = read(body.as_bytes()).expect("JSON").json;
            let list = json.pointer("/data/fetchAllExtensions/extension").and_then(Value::as_array);
            assert_eq!(list.map(Vec::len), Some(100_000));
        }
    }

    #[test]
    fn more_values_than_any_list_has_are_not_built() {
        let list = |part: &str| format!("[{}0]", format!("{part},").repeat(VALUES));
        let bombs = [
            list("0"),
            list("[[[[[0]]]]]"),
            list("{}"),
            list(r#"{"":0}"#),
            format!("{{{}}}", (0..=VALUES).map(|i| format!("\"{i}\":0")).collect::<Vec<_>>().join(",")),
            "[".repeat(200) + &"]".repeat(200),
        ];
        for bomb in bombs {
            for body in [bomb.clone(), format!("\"{bomb}"), format!("x{bomb}{bomb}"), format!("{{}}{bomb}")] {
                assert_eq!(read(body.as_bytes()), None, "{}", &body[..40]);
            }
        }
        let text = "x".repeat(1 << 20);
        assert_eq!(read(format!("[\"{text}\"]").as_bytes()).map(|found| found.json), Some(json!([text])));
    }

    #[test]
    fn no_text_takes_long() {
        for part in ["[", "[1,", "[[1],", "{", "{x", "[\"", "[[],", "[1]", "{}", "[\",[", "\\"] {
            let text = format!("x{}", part.repeat((1 << 18) / part.len()));
            let start = tokio::time::Instant::now();
            assert_eq!(read(text.as_bytes()), None, "{part}");
            assert!(start.elapsed().as_secs() < 5, "{part}: {:?}", start.elapsed());
        }
    }
}
