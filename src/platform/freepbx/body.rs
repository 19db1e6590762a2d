//! What a body holds, whatever its status and content type: FreePBX sends JSON as `text/html` too.
//!
//! Only reads; judges nothing. serde_json stops at 128 levels, so that no nesting is too deep.

use serde_json::{Map, Value};

use super::printed::Printed;
use crate::domain::Answer;
use crate::platform::json_body::{self, Around};
use crate::platform::maker::{self, contains};

/// A body, read once.
pub struct Body {
    json: Option<Value>,
    around: Around,
    /// Whether it looks like a page for people.
    pub html: bool,
    slim: Option<SlimPage>,
    /// What PHP, or Slim 3 with details, printed in place of JSON.
    printed: Option<Printed>,
    /// Whether it is a web server's page against plain HTTP on a port of https.
    pub wants_https: bool,
}

const WRONG_METHOD: &str = "Method not allowed. Must be one of: ";

/// What Slim 3 (FreePBX 15 and 16) answers by itself: HTML, or JSON where the request accepts it.
#[derive(Clone, Copy, PartialEq)]
enum SlimPage {
    Error,
    NotFound,
    WrongMethod,
}

/// An uncaught PHP exception as FreePBX (the `whoops` library) shows it, or what looks like one.
pub struct Exception<'a> {
    /// Class name.
    pub kind: &'a str,
    /// Its message.
    pub message: &'a str,
    /// Its code; league/oauth2-server numbers its refusals, 9 is "access denied".
    pub code: Option<i64>,
    /// Its code where that is text, as PDO's is: an SQLSTATE.
    pub state: Option<&'a str>,
    /// The file it was thrown in.
    pub file: &'a str,
}

impl<'a> Exception<'a> {
    fn of(error: &'a Value) -> Option<Self> {
        let error = error.as_object()?;
        let text = |name: &str| error.get(name).and_then(Value::as_str);
        let (kind, message) = (text("type"), text("message"));
        kind.or(message)?;
        Some(Self {
            kind: kind.unwrap_or_default(),
            message: message.unwrap_or_default(),
            code: error.get("code").and_then(Value::as_i64),
            state: text("code"),
            file: text("file").unwrap_or_default(),
        })
    }
}

impl Body {
    pub fn of(answer: &Answer) -> Self {
        let (json, around) = json_body::read(&answer.body)
            .map_or((None, Around::Nothing), |found| (Some(found.json), found.around));
        let html = json.is_none() && answer.body.trim_ascii_start().starts_with(b"<");
        let slim = slim_page(json.as_ref(), if json.is_none() { &answer.body } else { b"" });
        let printed = if json.is_none() { Printed::of(&answer.body) } else { None };
        let wants_https = html && maker::wants_https(&answer.body);
        Self { json, around, html, slim, printed, wants_https }
    }

    /// Slim's answer that hides any uncaught exception.
    pub fn is_slim_error_page(&self) -> bool {
        self.slim == Some(SlimPage::Error)
    }

    /// Slim's answer to a route that it does not have.
    pub fn is_slim_not_found(&self) -> bool {
        self.slim == Some(SlimPage::NotFound)
    }

    /// Slim's answer to a method that its route does not have.
    pub fn is_slim_wrong_method(&self) -> bool {
        self.slim == Some(SlimPage::WrongMethod)
    }

    /// Whether FreePBX alone answers so, at whatever address: Slim, its dispatcher, league, GraphQL or REST.
    pub fn is_own(&self) -> bool {
        let word = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        let said = |text: &str| {
            word(text) || text.starts_with("ajax") || ["Not Authenticated", "Unknown Error"].contains(&text)
        };
        self.slim.is_some()
            || self.exception().is_some_and(|exception| exception.shown().is_some())
            || self.error().is_some_and(said)
            || self.member("data").is_some()
            || self.graphql_errors().is_some()
            || self.says_false()
    }

    pub fn json(&self) -> Option<&Value> {
        self.json.as_ref()
    }

    /// What stood around the JSON, where there is some.
    pub fn around(&self) -> Around {
        self.around
    }

    fn member(&self, name: &str) -> Option<&Value> {
        self.json.as_ref()?.get(name)
    }

    pub fn str(&self, name: &str) -> Option<&str> {
        self.member(name)?.as_str()
    }

    /// `error` as text: a word of RFC 6749 section 5.2, or a sentence of `ajax.php`.
    pub fn error(&self) -> Option<&str> {
        self.str("error")
    }

    /// Whether the explanation beside `error` holds `part`. league 9 drops `message`, league 6 has no
    /// `error_description`.
    pub fn explains(&self, part: &str) -> bool {
        ["message", "error_description"]
            .iter()
            .any(|name| self.str(name).is_some_and(|text| text.contains(part)))
    }

    /// The first exception that it shows.
    pub fn exception(&self) -> Option<Exception<'_>> {
        self.exceptions().next()
    }

    /// All that it shows. Slim 3 with details (the OAuth2 server of 15 and 16) lists an exception, or an error of PHP, and
    /// what led to it.
    pub fn exceptions(&self) -> impl Iterator<Item = Exception<'_>> {
        let single = self.member("error");
        let listed = ["error", "exception"].map(|name| self.member(name).and_then(Value::as_array));
        let shown = single.into_iter().chain(listed.into_iter().flatten().flatten());
        shown.filter_map(Exception::of).chain(self.printed.iter().filter_map(Printed::exception))
    }

    /// What PHP printed in place of JSON.
    pub fn printed(&self) -> Option<&Printed> {
        self.printed.as_ref()
    }

    /// GraphQL's `errors`, where there are any.
    pub fn graphql_errors(&self) -> Option<&[Value]> {
        let errors = self.member("errors")?.as_array()?;
        (!errors.is_empty()).then_some(errors)
    }

    /// Each text by which it says that something failed: GraphQL's errors, a field that says `status: false`, REST.
    pub fn complaints(&self) -> impl Iterator<Item = &str> {
        fn text(value: &Value) -> impl Iterator<Item = &str> {
            ["message", "debugMessage", "error", "hint", "error_description"]
                .into_iter()
                .filter_map(|name| value.get(name)?.as_str())
        }
        let refused = |value: &&Value| value.get("status") == Some(&Value::Bool(false));
        let whole = self.json.as_ref().filter(|json| refused(json) || json.get("error").is_some());
        let errors = self.graphql_errors().unwrap_or_default().iter();
        let errors = errors.flat_map(|error| [Some(error), error.get("extensions")]).flatten();
        let said = whole.into_iter().chain(errors).chain(self.fields().filter(refused));
        said.flat_map(text)
    }

    /// Whether `data.FIELD` of a GraphQL answer is there and null.
    pub fn is_null(&self, field: &str) -> bool {
        self.member("data").and_then(|data| data.get(field)).is_some_and(Value::is_null)
    }

    /// What a GraphQL answer has in place of its fields.
    fn fields(&self) -> impl Iterator<Item = &Value> {
        self.member("data").and_then(Value::as_object).into_iter().flat_map(Map::values)
    }

    /// Whether every field of a GraphQL answer is null.
    pub fn has_no_data(&self) -> bool {
        self.member("data").is_some() && self.fields().all(Value::is_null)
    }

    /// Whether REST, or a field of GraphQL, says of itself that it failed. A bare `status` may be what was asked for.
    pub fn says_false(&self) -> bool {
        let failed = |value: &Value| {
            value.get("status") == Some(&Value::Bool(false)) && value.get("message").is_some()
        };
        self.json.as_ref().is_some_and(failed) || self.fields().any(failed)
    }

    /// `data.FIELD` of a GraphQL answer.
    pub fn data(&self, field: &str) -> Option<&Map<String, Value>> {
        self.member("data")?.get(field)?.as_object()
    }

    /// Whether this is REST's `{"status":false,"message":"unauthorized"}`.
    pub fn is_rest_unauthorized(&self) -> bool {
        self.is_refused() && self.str("message") == Some("unauthorized")
    }

    /// Whether the answer says `status: false` of itself.
    pub fn is_refused(&self) -> bool {
        self.member("status") == Some(&Value::Bool(false))
    }
}

impl Exception<'_> {
    /// The class name, fit to be shown; `None` where it is not shaped like the name of a PHP error.
    pub fn shown(&self) -> Option<&str> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_\\.".contains(c);
        let named = ["xception", "Error"].iter().any(|end| self.kind.ends_with(end));
        (named && self.kind.len() <= 64 && self.kind.chars().all(allowed)).then_some(self.kind)
    }

    /// The module that its file is of, whose name is `[a-z0-9_]+`.
    pub fn module(&self) -> Option<&str> {
        let name = self.file.split_once("/admin/modules/")?.1.split('/').next()?;
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        ((1..=32).contains(&name.len()) && name.bytes().all(allowed)).then_some(name)
    }

    /// The last part of its class name.
    pub fn is(&self, class: &str) -> bool {
        self.kind.rsplit('\\').next() == Some(class)
    }

    /// The module that FreePBX/framework:Self_Helper.class.php could not load; `None` where its name is
    /// not one word of letters, and so unfit to be shown.
    pub fn absent_module(&self) -> Option<&str> {
        let name = if let Some(rest) = self.message.strip_prefix("Attempted to load ") {
            rest.split_once(' ')?.0
        } else {
            self.message.strip_prefix("Unable to locate ")?.split('\'').nth(1)?
        };
        let fit = (1..=32).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphabetic());
        fit.then_some(name)
    }
}

/// slimphp/Slim:Slim/Handlers/Error.php, NotFound.php and NotAllowed.php, branch 3.x.
fn slim_page(json: Option<&Value>, html: &[u8]) -> Option<SlimPage> {
    match json.and_then(|json| json.get("message")?.as_str()) {
        Some("Slim Application Error") => Some(SlimPage::Error),
        Some("Not found") => Some(SlimPage::NotFound),
        Some(text) if text.starts_with(WRONG_METHOD) => Some(SlimPage::WrongMethod),
        _ if contains(html, b"Must be one of: ") && contains(html, b"Method not allowed") => {
            Some(SlimPage::WrongMethod)
        }
        _ if contains(html, b"Slim Application Error") => Some(SlimPage::Error),
        _ if contains(html, b"The page you are looking for could not be found") => Some(SlimPage::NotFound),
        _ => None,
    }
}
