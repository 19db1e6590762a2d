//! The simulated GraphQL endpoint: who may ask, what is asked, and how each generation answers (FreePBX/api:Gql/Api.php over
//! webonyx/graphql-php).

mod reader;
mod schema;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::{Map, Value, json};

use self::reader::Operation;
use super::fault::Fault;
use super::fixtures::Generation;
use super::oauth::json_answer;
use super::pbx::{SimRequest, State};
use crate::domain::Answer;

/// REST's answer about the release.
pub(super) fn version(generation: Generation) -> Value {
    json!({"status": true, "version": schema::system(generation)["version"]})
}

/// What GraphQL has against a document, and where.
#[derive(Debug, PartialEq, Eq)]
struct Problem {
    message: String,
    at: usize,
}

/// An answer, or the name of the fixture that refuses.
pub(super) fn answer(state: &mut State, request: &SimRequest) -> Result<Answer, &'static str> {
    let known_method = request.method == Method::POST;
    if !known_method && state.generation != Generation::V16 {
        return Err("token by GET");
    }
    // 16's Slim asks for the token before it looks at the method.
    let granted = state.bearer(request)?.to_vec();
    if !known_method {
        return super::oauth::not_allowed(request);
    }
    let (query, variables) = asked(request).ok_or("empty GraphQL body")?;
    let operation = match reader::read(&query, &variables) {
        Ok(operation) => operation,
        Err(problem) => return Ok(refused(state.generation, &query, &[problem])),
    };
    let schema = schema::Schema::of(&granted, operation.mutation);
    let problems = schema.problems(&operation);
    if !problems.is_empty() {
        return Ok(refused(state.generation, &query, &problems));
    }
    if fails(state, &operation) {
        return Err("resolver error");
    }
    Ok(accepted(&schema.data(state, &operation)))
}

/// Query and variables of a body in any of the forms that the library takes.
fn asked(request: &SimRequest) -> Option<(String, Map<String, Value>)> {
    let kind = request.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let body: Value = if kind.starts_with("application/x-www-form-urlencoded") {
        let pairs = url::form_urlencoded::parse(&request.body).into_owned();
        Value::Object(pairs.map(|(name, value)| (name, value.into())).collect())
    } else {
        serde_json::from_slice(&request.body).ok()?
    };
    let variables = match &body["variables"] {
        Value::Object(variables) => variables.clone(),
        Value::String(text) => serde_json::from_str(text).unwrap_or_default(),
        _ => Map::new(),
    };
    Some((body["query"].as_str()?.to_owned(), variables))
}

/// What fails inside: a query by the fault set, and always what the module's relay fields do.
fn fails(state: &State, operation: &Operation) -> bool {
    let of_list = |name: &str| name == "fetchAllExtensions";
    let broken = |name: &str| matches!(name, "edges" | "pageInfo");
    operation.fields.iter().any(|field| {
        (state.fault == Some(Fault::QueryFails) && of_list(&field.name))
            || field.fields.iter().any(|inner| broken(&inner.name))
    })
}

/// Where the first field has `status: false`, the module makes an error of it.
fn accepted(data: &Map<String, Value>) -> Answer {
    let first = data.values().next().unwrap_or(&Value::Null);
    if first["status"] == json!(false) {
        let error = json!({"message": first["message"], "status": false});
        return Answer { status: StatusCode::BAD_REQUEST, ..json_answer(&json!({"errors": [error]})) };
    }
    json_answer(&json!({"data": data}))
}

/// 16 passes the first message on, 17 everything, as `text/html`.
fn refused(generation: Generation, query: &str, problems: &[Problem]) -> Answer {
    if generation == Generation::V16 {
        let errors =
            problems.iter().take(1).map(|problem| json!({"message": problem.message, "status": false}));
        let body = json!({"errors": errors.collect::<Vec<_>>()});
        return Answer { status: StatusCode::BAD_REQUEST, ..json_answer(&body) };
    }
    let errors = problems.iter().map(|problem| {
        let (line, column) = place(query, problem.at);
        json!({"message": problem.message, "locations": [{"line": line, "column": column}]})
    });
    let body = json!({"errors": errors.collect::<Vec<_>>()});
    let html = HeaderValue::from_static("text/html; charset=UTF-8");
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, html)]);
    Answer { status: StatusCode::OK, headers, body: Bytes::from(body.to_string()) }
}

fn place(query: &str, at: usize) -> (usize, usize) {
    let before = query.get(..at).unwrap_or(query);
    let line = before.rfind('\n').map_or(before, |end| &before[end + 1..]);
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}
