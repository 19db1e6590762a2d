//! What a probe asks, and where the answer has what.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Test;

/// A request that only reads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct RequestForm {
    /// Its method.
    #[serde(default)]
    pub method: Method,
    /// Its path on the target's origin, with an optional query.
    pub path: String,
    /// Its body, with `method: POST`.
    pub body: Option<String>,
    /// Content type of the body.
    #[schemars(extend("default" = "application/json"))]
    pub content_type: Option<String>,
    /// Header fields of this request.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

/// A method that only reads, or may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// RFC 9110 section 9.3.1.
    #[default]
    Get,
    /// RFC 9110 section 9.3.2.
    Head,
    /// RFC 9110 section 9.3.3, for a query language.
    Post,
}

impl From<Method> for http::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::Get => Self::GET,
            Method::Head => Self::HEAD,
            Method::Post => Self::POST,
        }
    }
}

/// One thing that a probe may call as the extensions endpoint.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct CallForm {
    /// The name for `call:`.
    pub name: String,
    /// What it is, for people.
    #[serde(default)]
    pub about: String,
    /// The narrowest scope or right that allows it.
    pub scope: Option<String>,
    /// The request.
    pub request: RequestForm,
    /// The request if the extensions are needed one by one, or counted by listing them; by default `request`.
    pub each: Option<RequestForm>,
    /// JSON pointer to the number of extensions: a number, a text that is one, or an array or object whose members
    /// are counted. Without it all pages of `list` are counted; without either any answer in JSON with a status 2xx
    /// will do, and with `method: HEAD` any with that status.
    pub total: Option<String>,
    /// JSON pointer to the extensions, an array or object; `""` if the answer itself is one.
    pub list: Option<String>,
    /// JSON pointer within one of them to its id.
    pub id: Option<String>,
    /// JSON pointer within one of them to its name for people.
    #[schemars(extend("default" = "/name"))]
    pub label: Option<String>,
    /// How to request more pages.
    pub paging: Option<Paging>,
    /// What an answer must contain to be a success, besides a status 2xx.
    pub success: Option<Test>,
}

/// How to request more pages, by a parameter of the query.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Paging {
    /// What the parameter counts.
    pub by: PageBy,
    /// Its name.
    pub parameter: String,
    /// The number of the first page, with `by: page`.
    #[schemars(extend("default" = 1))]
    pub first: Option<u32>,
    /// The number of items per page that the request asks for; with `page` and `offset`. If the server gives fewer, the
    /// exporter finds out: after a short first page it sometimes requests the next one.
    pub size: Option<u32>,
    /// JSON pointer to the cursor of the next page, with `by: cursor`; absent, null or empty on the last page.
    pub cursor: Option<String>,
}

/// What a page is asked for by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PageBy {
    /// Its number.
    Page,
    /// How many come before it.
    Offset,
    /// The cursor in the previous page.
    Cursor,
}

/// The version query.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct VersionForm {
    /// The request.
    pub request: RequestForm,
    /// JSON pointer to the release.
    pub version: String,
    /// JSON pointer to the telephony engine behind it.
    pub engine: Option<String>,
    /// The narrowest scope or right that allows it.
    pub scope: Option<String>,
}
