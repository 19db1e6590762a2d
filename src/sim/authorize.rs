//! The simulated authorization endpoint: a page with Allow and Deny, and the codes that come of it.
//!
//! A real PBX asks for a sign-in first, and looks otherwise; what counts here is what goes to and fro.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use ring::digest::{SHA256, digest};
use url::Url;

use super::pbx::SimRequest;
use crate::domain::Answer;

/// A code serves for so long, seconds.
const LIFETIME: f64 = 600.0;

#[derive(Default)]
pub struct CodeBook {
    codes: Vec<Code>,
}

struct Code {
    text: String,
    client: String,
    redirect_uri: String,
    /// PKCE's, by S256.
    challenge: Option<String>,
    scopes: Vec<String>,
    expires: f64,
    used: bool,
}

pub struct Brought<'a> {
    pub code: &'a str,
    pub client: &'a str,
    pub redirect_uri: &'a str,
    pub verifier: Option<&'a str>,
}

impl CodeBook {
    fn give(
        &mut self,
        asked: &HashMap<String, String>,
        now: f64,
        rules: &Rules<'_>,
    ) -> Result<String, &'static str> {
        let get = |name: &str| asked.get(name).cloned();
        if get("response_type").as_deref() != Some("code") {
            return Err("unsupported_response_type");
        }
        let scopes = (rules.grants)(&get("scope").unwrap_or_default()).ok_or("invalid_scope")?;
        let text = format!("def50200code{:x}", self.codes.len());
        self.codes.push(Code {
            text: text.clone(),
            client: get("client_id").unwrap_or_default(),
            redirect_uri: get("redirect_uri").unwrap_or_default(),
            challenge: get("code_challenge")
                .filter(|_| get("code_challenge_method").as_deref() == Some("S256")),
            scopes,
            expires: now + LIFETIME,
            used: false,
        });
        Ok(text)
    }

    /// Uses a code up; gives its scopes, or the name of the fixture that refuses it.
    pub fn redeem(&mut self, brought: &Brought<'_>, now: f64) -> Result<Vec<String>, &'static str> {
        let known = |code: &&mut Code| code.text == brought.code && code.client == brought.client;
        let code = self.codes.iter_mut().find(known).ok_or("code rubbish")?;
        if now >= code.expires {
            return Err("code expired");
        }
        if std::mem::replace(&mut code.used, true) {
            return Err("code revoked");
        }
        let challenge = |verifier: &str| URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
        let proven = code.challenge.is_none() || code.challenge == brought.verifier.map(challenge);
        let same_place = code.redirect_uri == brought.redirect_uri;
        if proven && same_place { Ok(code.scopes.clone()) } else { Err("code rubbish") }
    }
}

pub struct Rules<'a> {
    /// Whether there is an application of that id whose access a person confirms.
    pub knows: &'a dyn Fn(&str) -> bool,
    /// The scopes granted where these are asked for; `None`: refused.
    pub grants: &'a dyn Fn(&str) -> Option<Vec<String>>,
}

/// The page, or the way back from it.
pub fn answer(codes: &mut CodeBook, request: &SimRequest, now: f64, rules: &Rules<'_>) -> Answer {
    let query = request.path_and_query.split_once('?').map_or("", |(_, query)| query);
    let asked: HashMap<_, _> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let get = |name: &str| asked.get(name).map_or("", String::as_str);
    // A wrong client or address is told to the person, never to whoever owns that address (RFC 6749 section 4.1.2.1).
    let (true, Ok(mut back)) = ((rules.knows)(get("client_id")), Url::parse(get("redirect_uri"))) else {
        return html(StatusCode::BAD_REQUEST, "<h1>Unknown application or redirect address</h1>");
    };
    if request.method != Method::POST {
        let form = "<h1>Allow access?</h1><form method=\"post\"><button name=\"answer\" value=\"allow\">Allow\
                    </button> <button name=\"answer\" value=\"deny\">Deny</button></form>";
        return html(StatusCode::OK, form);
    }
    let allowed = request.body.as_ref() == b"answer=allow";
    let result = if allowed { codes.give(&asked, now, rules) } else { Err("access_denied") };
    let (name, value) = result.map_or_else(|error| ("error", error.to_owned()), |code| ("code", code));
    back.query_pairs_mut().append_pair(name, &value).append_pair("state", get("state"));
    let mut answer = html(StatusCode::FOUND, "");
    if let Ok(location) = HeaderValue::from_str(back.as_str()) {
        answer.headers.insert(LOCATION, location);
    }
    answer
}

fn html(status: StatusCode, body: &str) -> Answer {
    let text = HeaderValue::from_static("text/html; charset=UTF-8");
    let page = format!("<!DOCTYPE html><html><head><title>FreePBX</title></head><body>{body}</body></html>");
    Answer { status, headers: HeaderMap::from_iter([(CONTENT_TYPE, text)]), body: Bytes::from(page) }
}
