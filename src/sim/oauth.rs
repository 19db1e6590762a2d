//! The simulated token endpoint (FreePBX/api:Oauth/Oauth.php over league/oauth2-server).

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, PRAGMA};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::json;

use super::authorize::Brought;
use super::fixtures::Generation;
use super::pbx::{SimRequest, State};
use super::scopes;
use super::tokens::Grantee;
use crate::domain::{Answer, Grant};

type Form = HashMap<String, String>;

struct Asked {
    grant: Grant,
    client: String,
    basic: bool,
    form: Form,
}

/// An answer, or the name of the fixture that refuses.
pub fn token(state: &mut State, request: &SimRequest) -> Result<Answer, &'static str> {
    if request.method != Method::POST {
        return if state.generation == Generation::V16 { not_allowed(request) } else { Err("token by GET") };
    }
    let asked = read(state, request)?;
    authenticate(state, &asked, request)?;
    let (user, scopes) = match asked.grant {
        Grant::RefreshToken => (String::new(), redeem(state, &asked)?),
        Grant::AuthorizationCode => (String::new(), swap(state, &asked)?),
        Grant::Password => {
            let scopes = granted(state, &asked)?;
            (user(state, &asked.form)?, scopes)
        }
        _ => (String::new(), granted(state, &asked)?),
    };
    let grantee =
        Grantee { client: &asked.client, user: &user, scopes, lifetime: state.lifetime.as_secs_f64() };
    let renewable = asked.grant != Grant::ClientCredentials;
    let (access, refresh) = state.tokens.issue(grantee, renewable, state.now, state.generation);
    let mut body = json!({
        "token_type": "Bearer", "expires_in": state.lifetime.as_secs(), "access_token": access,
    });
    if let Some(refresh) = refresh {
        body["refresh_token"] = refresh.into();
    }
    let mut answer = json_answer(&body);
    // RFC 6749 section 5.1; league adds the charset.
    for (name, value) in
        [(CONTENT_TYPE, "application/json; charset=UTF-8"), (CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")]
    {
        answer.headers.insert(name, HeaderValue::from_static(value));
    }
    Ok(answer)
}

/// Slim 3 answers OPTIONS itself, and refuses any other method than POST.
pub fn not_allowed(request: &SimRequest) -> Result<Answer, &'static str> {
    if request.method != Method::OPTIONS {
        return Err("token by GET");
    }
    let fields = [(CONTENT_TYPE, "text/plain"), (ALLOW, "POST")];
    let headers = fields.map(|(name, value)| (name, HeaderValue::from_static(value)));
    let body = Bytes::from_static(b"Allowed methods: POST");
    Ok(Answer { status: StatusCode::OK, headers: HeaderMap::from_iter(headers), body })
}

pub fn json_answer(body: &serde_json::Value) -> Answer {
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    Answer { status: StatusCode::OK, headers, body: Bytes::from(body.to_string()) }
}

/// league looks at the grant type first, then at the client.
fn read(state: &State, request: &SimRequest) -> Result<Asked, &'static str> {
    let form = form(state.generation, request);
    let grant = grant_type(&form).ok_or("unknown grant type")?;
    let basic = basic(request);
    let from_header = basic.as_ref().map(|(id, _)| id.clone());
    let client = form.get("client_id").cloned().or(from_header).ok_or("client id missing")?;
    Ok(Asked { grant, client, basic: basic.is_some(), form })
}

/// The grant that a token request asks by, well-formed or not.
pub fn grant_sent(generation: Generation, request: &SimRequest) -> Option<Grant> {
    grant_type(&form(generation, request))
}

fn grant_type(form: &Form) -> Option<Grant> {
    let text = form.get("grant_type")?;
    let sent = [Grant::ClientCredentials, Grant::Password, Grant::AuthorizationCode, Grant::RefreshToken];
    sent.into_iter().find(|grant| grant.as_str() == text)
}

/// 16 takes JSON bodies too, 17 forms only.
fn form(generation: Generation, request: &SimRequest) -> Form {
    let content_type = request.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    if content_type.starts_with("application/x-www-form-urlencoded") {
        return url::form_urlencoded::parse(&request.body).into_owned().collect();
    }
    let json = generation == Generation::V16 && content_type.starts_with("application/json");
    json.then(|| serde_json::from_slice(&request.body).ok()).flatten().unwrap_or_default()
}

/// RFC 6749 section 2.3.1: both parts are form-encoded.
fn basic(request: &SimRequest) -> Option<(String, String)> {
    let value = request.headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(value).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decoded = |part: &str| {
        let pair = format!("x={part}");
        url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned())
    };
    Some((decoded(id)?, decoded(secret)?))
}

/// 17.0.1 checks neither secret nor grant; later 17 checks the secret; 16 both.
fn authenticate(state: &State, asked: &Asked, request: &SimRequest) -> Result<(), &'static str> {
    let unknown = match (state.generation, asked.basic) {
        (Generation::V17_0_1 | Generation::V17, true) => "unknown client id by Basic",
        _ => "unknown client id",
    };
    let app = state.app(&asked.client).ok_or(unknown)?;
    let secret =
        asked.form.get("client_secret").cloned().or_else(|| basic(request).map(|(_, secret)| secret));
    let right_secret = secret.as_deref() == Some(state.secret());
    let right_grant = asked.grant == app.grant
        || (asked.grant == Grant::RefreshToken && app.grant != Grant::ClientCredentials);
    match state.generation {
        Generation::V16 | Generation::V17 if !right_secret => Err("wrong secret"),
        Generation::V16 if !right_grant => Err("wrong grant for the application"),
        _ => Ok(()),
    }
}

fn granted(state: &State, asked: &Asked) -> Result<Vec<String>, &'static str> {
    let requested = asked.form.get("scope").map_or("", String::as_str);
    scopes::grant(&state.allowed_scopes(), requested, state.generation)
}

fn user(state: &State, form: &Form) -> Result<String, &'static str> {
    let name = form.get("username").ok_or("user name missing")?;
    let right = state.users.get(name).is_some_and(|password| form.get("password") == Some(password));
    if right { Ok(name.clone()) } else { Err("wrong user password") }
}

fn redeem(state: &mut State, asked: &Asked) -> Result<Vec<String>, &'static str> {
    let token = asked.form.get("refresh_token").ok_or("refresh token missing")?;
    state.tokens.redeem(token, &asked.client, state.now)
}

fn swap(state: &mut State, asked: &Asked) -> Result<Vec<String>, &'static str> {
    let get = |name| asked.form.get(name).map(String::as_str);
    let brought = Brought {
        code: get("code").ok_or("code missing")?,
        client: &asked.client,
        redirect_uri: get("redirect_uri").unwrap_or_default(),
        verifier: get("code_verifier"),
    };
    state.codes.redeem(&brought, state.now)
}
