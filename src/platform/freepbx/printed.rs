//! What is no JSON, but PHP's own words: a page of `display_errors`, of Slim 3 with details, or of what stands before FreePBX.
//!
//! Only reads; judges nothing.

use super::body::Exception;

/// What PHP printed.
pub struct Printed {
    text: String,
    kind: String,
    message: String,
    file: String,
    /// Whether PHP gave up, rather than complained.
    fatal: bool,
}

/// PHP's levels, as `display_errors` writes them once its tags are gone.
const FATAL: [&str; 3] = ["Fatal error: ", "Parse error: ", "Recoverable fatal error: "];
const LESS: [&str; 4] = ["Warning: ", "Notice: ", "Deprecated: ", "Strict Standards: "];

impl Printed {
    /// `None`: nothing of PHP is in it.
    pub fn of(body: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(body).replace("<b>", "").replace("</b>", "");
        let found = slim_details(&text)
            .or_else(|| level(&text, &FATAL, true))
            .or_else(|| database(&text))
            .or_else(|| level(&text, &LESS, false));
        let [kind, message, file, fatal] = found.unwrap_or_default();
        let printed = Self { fatal: !fatal.is_empty(), kind, message, file, text };
        (!printed.message.is_empty() || printed.tells()).then_some(printed)
    }

    /// Whether it is known to be of the PBX's PHP though it names no level.
    fn tells(&self) -> bool {
        self.needs_loader() || self.says("Composer detected issues in your platform")
    }

    /// An encoder's loader (ionCube, SourceGuardian, Zend Guard) asks for itself by a page.
    pub fn needs_loader(&self) -> bool {
        let encoder = ["ionCube", "SourceGuardian", "Zend Guard"].iter().any(|name| self.says(name));
        encoder && ["Loader", "loader", "encoded"].iter().any(|word| self.says(word))
    }

    /// What PHP complained of without giving up.
    pub fn warnings(&self) -> impl Iterator<Item = &str> {
        let complaint =
            |line: &'_ str| LESS.iter().find_map(|level| line.find(level).map(|at| at + level.len()));
        self.text
            .lines()
            .filter(|line| line.contains(" on line "))
            .filter_map(move |line| Some(&line[complaint(line)?..]))
    }

    pub fn says(&self, words: &str) -> bool {
        self.text.contains(words)
    }

    /// As evidence.
    pub fn kind_shown(&self) -> &'static str {
        if self.needs_loader() {
            "asks for the loader of encoded PHP files"
        } else {
            "a message that PHP printed"
        }
    }

    pub fn is_fatal(&self) -> bool {
        self.fatal
    }

    pub fn exception(&self) -> Option<Exception<'_>> {
        let Self { kind, message, file, .. } = self;
        self.fatal.then_some(Exception { kind, message, code: None, state: None, file })
    }
}

/// Class, message and file; the last says whether it is fatal.
type Found = [String; 4];

/// slimphp/Slim:Slim/Handlers/Error.php, branch 3.x, `renderHtmlException`.
fn slim_details(text: &str) -> Option<Found> {
    let field = |name: &str| {
        let (_, rest) = text.split_once(&format!("<strong>{name}:</strong> "))?;
        Some(rest.split_once("</div>")?.0.to_owned())
    };
    Some([field("Type")?, field("Message")?, field("File").unwrap_or_default(), "fatal".to_owned()])
}

/// A page of Whoops, its plain text, or what `die_freepbx` printed: PDO's words are unmistakable.
fn database(text: &str) -> Option<Found> {
    let message = text[text.find("SQLSTATE[")?..].split(['<', '\n']).next()?;
    Some([String::new(), message.to_owned(), String::new(), "fatal".to_owned()])
}

/// `LEVEL:  Uncaught CLASS: MESSAGE in FILE:LINE`, or `LEVEL:  MESSAGE in FILE on line LINE`.
fn level(text: &str, levels: &[&str], fatal: bool) -> Option<Found> {
    let rest = levels.iter().find_map(|level| Some(text.split_once(level)?.1))?.trim_start();
    let (uncaught, rest) = rest.strip_prefix("Uncaught ").map_or((false, rest), |rest| (true, rest));
    // A page for people may have such a word, too.
    let page = ["<html", "<HTML", "<!DOCTYPE", "<!doctype", "<form"].iter().any(|tag| text.contains(tag));
    if !uncaught && !rest.contains(" on line ") || !fatal && page {
        return None;
    }
    let (message, place) = rest.split_once(" in /").unwrap_or((rest, ""));
    let class = message.split_once(": ").filter(|_| uncaught);
    let (kind, message) = class.unwrap_or(("", message));
    let file = place.split([':', ' ', '\n']).next().unwrap_or_default();
    let fatal = if fatal { "fatal" } else { "" };
    Some([kind.to_owned(), message.to_owned(), format!("/{file}"), fatal.to_owned()])
}
