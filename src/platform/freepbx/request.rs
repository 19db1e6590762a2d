//! The requests made with a token: small, read-only, fixed.
//!
//! Never one that changes anything, never a field that returns SIP secrets (`extPassword`), never full
//! introspection, which breaks some 17.

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Method};

use super::{GRAPHQL_PATH, REST_USERS_PATH};
use crate::domain::target::{Call, CustomCall};
use crate::domain::{Request, Target};

/// `totalCount` ignores paging, and the server loads all rows whatever `first` says.
const LIST: &str = "query { fetchAllExtensions(first: 1) { status message totalCount } }";
/// Without `first` it gives all at once.
const EXTENSIONS: &str =
    "query { fetchAllExtensions { status message totalCount extension { extensionId tech } } }";
/// Answered to any valid token, no scope needed.
const VALIDITY: &str = "{ __typename }";
const VERSION: &str = "query { system { version engine } }";

pub fn list(target: &Target) -> Request {
    match &target.call {
        Call::Graphql => graphql(target, LIST),
        Call::Rest => request(target, Method::GET, REST_USERS_PATH, Bytes::new()),
        Call::Custom(call) => custom(target, call),
    }
}

pub fn extensions(target: &Target) -> Request {
    match &target.call {
        Call::Graphql => graphql(target, EXTENSIONS),
        Call::Rest | Call::Custom(_) => list(target),
    }
}

pub fn validity(target: &Target) -> Request {
    graphql(target, VALIDITY)
}

pub fn version(target: &Target) -> Request {
    graphql(target, VERSION)
}

fn graphql(target: &Target, query: &str) -> Request {
    let body = serde_json::json!({ "query": query }).to_string();
    let mut request = request(target, Method::POST, GRAPHQL_PATH, body.into());
    request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    request
}

fn custom(target: &Target, call: &CustomCall) -> Request {
    let (content_type, body) = call.body.clone().unzip();
    let mut request = request(target, call.method.clone(), &call.path, body.unwrap_or_default().into());
    if let Some(value) = content_type.and_then(|text| HeaderValue::try_from(text).ok()) {
        request.headers.insert(CONTENT_TYPE, value);
    }
    request
}

fn request(target: &Target, method: Method, path: &str, body: Bytes) -> Request {
    let mut headers = target.headers.clone();
    headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json"));
    Request { method, url: target.address(path), headers, body, last: true }
}
