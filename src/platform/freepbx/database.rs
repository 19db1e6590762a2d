//! What FreePBX repeats of its database: from PDO's words to a cause.
//!
//! While it connects the text is `SQLSTATE[STATE] [NUMBER] WORDS::...` (`die_freepbx` joins it twice, the second time with
//! HTML entities); later it is `SQLSTATE[STATE]: KIND: NUMBER WORDS`. The number decides, then errno in the words, then the
//! state; of words only fixed parts are looked for, and nothing of them is shown.

use super::body::Exception;
use crate::domain::cause::Host;

struct Trouble<'a> {
    state: Option<&'a str>,
    number: Option<u32>,
    text: &'a str,
}

/// What the database is known to have said; `None`: it is not about the database.
pub fn read(exception: &Exception) -> Option<Host> {
    let trouble = Trouble::of(exception)?;
    let code: Box<str> = trouble.shown().into();
    let by_number = trouble.number.and_then(|number| by_number(number, trouble.text, &code));
    Some(by_number.unwrap_or_else(|| trouble.by_state(code)))
}

/// The same in any text, such as a GraphQL error's.
pub fn read_text(message: &str) -> Option<Host> {
    read(&Exception { kind: "", message, code: None, state: None, file: "" })
}

impl<'a> Trouble<'a> {
    fn of(exception: &Exception<'a>) -> Option<Self> {
        let told = exception.code.and_then(|code| u32::try_from(code).ok()).filter(|code| *code > 0);
        let Some((_, rest)) = exception.message.split_once("SQLSTATE[") else {
            if let Some(trouble) = Self::of_mysqli(exception.message) {
                return Some(trouble);
            }
            let of_database = exception.is("PDOException")
                || exception.is("mysqli_sql_exception")
                || exception.message.contains("MySQL server has gone away");
            let text = exception.message;
            let state = exception.state.filter(|state| is_state(state));
            return of_database.then_some(Self { state, number: told, text });
        };
        let (state, text) = rest.split_once(']').unwrap_or(("", rest));
        let state = Some(state).filter(|state| is_state(state));
        Some(Self { state, number: number(text).or(told), text })
    }

    /// `(STATE/NUMBER): WORDS`, as mysqli's warnings have it.
    fn of_mysqli(message: &'a str) -> Option<Self> {
        message.match_indices('(').find_map(|(at, _)| {
            let (codes, text) = message[at + 1..].split_once("): ")?;
            let (state, number) = codes.split_once('/')?;
            Some(Self {
                state: Some(state).filter(|state| is_state(state)),
                number: Some(number.parse().ok()?),
                text,
            })
        })
    }

    /// Codes alone.
    fn shown(&self) -> String {
        match (self.state, self.number) {
            (Some(state), Some(number)) => format!("SQLSTATE {state}, error {number}"),
            (Some(state), None) => format!("SQLSTATE {state}"),
            (None, Some(number)) => format!("error {number}"),
            (None, None) => "it names no code".to_owned(),
        }
    }

    /// Where there is no number, or one that says nothing.
    fn by_state(&self, code: Box<str>) -> Host {
        if self.number.is_none()
            && let Some(cause) = connecting(self.text, &code)
        {
            return cause;
        }
        match self.state {
            Some("08004") => Host::DatabaseFull { code },
            Some("28000") => Host::DatabasePassword { code },
            // Another number of these states is another cause.
            Some("42S02") if self.number.is_none() => Host::TableMissing { code },
            Some("42S22") if self.number.is_none() => Host::ColumnMissing { code },
            Some("25006") => Host::DatabaseReadOnly { code },
            Some("40001") => Host::DatabaseLocked { code },
            Some("08S01" | "08003" | "08007") => Host::DatabaseLost { code },
            _ if self.text.contains("server has gone away") => Host::DatabaseLost { code },
            _ if self.text.contains("could not find driver") => Host::PhpExtension,
            _ => Host::DatabaseTrouble { code },
        }
    }
}

/// ISO 9075: two characters of class, three of subclass.
fn is_state(text: &str) -> bool {
    text.len() == 5 && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// ` [2002] WORDS`, or `: General error: 1205 WORDS`.
fn number(text: &str) -> Option<u32> {
    if let Some(rest) = text.strip_prefix(" [") {
        return rest.split_once(']')?.0.parse().ok();
    }
    text.split(": ").take(3).find_map(leading)
}

fn leading(text: &str) -> Option<u32> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, rest) = text.split_at(digits);
    number.parse().ok().filter(|_| rest.is_empty() || rest.starts_with(' '))
}

const BUSY: [&str; 5] = [
    "Resource temporarily unavailable",
    "Permission denied",
    "Cannot assign requested address",
    "Too many open files",
    "reset by peer",
];

/// MariaDB's numbers, those of its client (2000 and more) and of its storage engines (below 1000).
fn by_number(number: u32, text: &str, code: &str) -> Option<Host> {
    let code: Box<str> = code.into();
    Some(match number {
        // The server is there: its socket is too busy, or not FreePBX's to use.
        2002 if BUSY.iter().any(|words| text.contains(words)) => Host::DatabaseTrouble { code },
        2002 => connecting(text, &code).unwrap_or(Host::DatabaseDown { code }),
        2003 | 2005 => Host::DatabaseUnreachable { code },
        1040 | 1203 | 1226 => Host::DatabaseFull { code },
        1045 | 1251 | 1275 | 1524 | 1698 | 1862 | 2054 | 2059 => Host::DatabasePassword { code },
        1044 | 1142 | 1143 | 1227 | 1370 => Host::DatabaseNoRight { code },
        1049 => Host::DatabaseAbsent { code },
        1129 | 1130 => Host::DatabaseHostRefused { code },
        1146 => Host::TableMissing { code },
        1054 => Host::ColumnMissing { code },
        1290 if !text.contains("read-only") && !text.contains("read_only") => return None,
        1036 | 1290 | 1792 | 1836 | 1874 | 1881 => Host::DatabaseReadOnly { code },
        1205 | 1213 => Host::DatabaseLocked { code },
        1021 | 1114 => Host::DiskFull { code },
        1812 | 1813 | 1814 | 1932 => Host::TableFileGone { code },
        126 | 127 | 134 | 144 | 145 | 176 | 1034 | 1035 | 1194 | 1195 => Host::TableCrashed { code },
        1053 | 1158..=1161 | 1184 | 1927 | 2006 | 2013 | 2055 => Host::DatabaseLost { code },
        // A temporary file: its folder, and no table.
        1 | 1004 | 1006 if matches!(errno(text), Some(2 | 13)) => return None,
        // 1030 and those about a file say the rest by a number of the engine or of the operating system.
        _ => return by_errno(errno(text)?, code),
    })
}

/// `Got error 194 "..."`, `Got error '176 "..."'`, `(errno: 28 "...")`, `(Errcode: 28 ...)`.
fn errno(text: &str) -> Option<u32> {
    ["Got error ", "errno: ", "Errcode: "].iter().find_map(|words| {
        let rest = text.split_once(words)?.1.trim_start_matches(['\'', '"']);
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        rest[..digits].parse().ok()
    })
}

fn by_errno(errno: u32, code: Box<str>) -> Option<Host> {
    Some(match errno {
        28 | 189 => Host::DiskFull { code },
        30 => Host::DatabaseReadOnly { code },
        2 | 13 | 155 | 194 => Host::TableFileGone { code },
        126 | 127 | 134 | 144 | 145 | 175 | 176 => Host::TableCrashed { code },
        146 | 149 => Host::DatabaseLocked { code },
        _ => return None,
    })
}

/// The operating system's words about a connection, which PHP gives all one number.
fn connecting(text: &str, code: &str) -> Option<Host> {
    let says = |words: &[&str]| words.iter().any(|words| text.contains(words));
    let code: Box<str> = code.into();
    if says(&["timed out", "No route to host", "unreachable", "getaddrinfo", "Name or service not known"]) {
        Some(Host::DatabaseUnreachable { code })
    } else if says(&["Connection refused", "No such file or directory"]) {
        Some(Host::DatabaseDown { code })
    } else {
        None
    }
}
