//! Answers judged by a description's rules, then by RFC 6749, RFC 6750 and HTTP. Bodies before statuses,
//! and nothing is guessed: what nobody is known to mean is an unexpected response.

use http::StatusCode;
use http::header::WWW_AUTHENTICATE;
use serde_json::Value;

use super::headers::with_retry_after;
use super::json_body::{self, Around};
use super::{CallContext, listing};
use crate::domain::cause::{General, Matched, Odd};
use crate::domain::extensions::Page;
use crate::domain::outcome::Version;
use crate::domain::platform::{Method, Rule, Test, Word};
use crate::domain::target::Call;
use crate::domain::token::LONGEST_TOKEN;
use crate::domain::{Answer, Cause, Failure, Grant, Listing, Operation, Reason, Target};

/// A body, read once.
struct Body {
    json: Option<Value>,
    around: Around,
    html: bool,
}

impl Body {
    fn of(answer: &Answer) -> Self {
        let (json, around) = json_body::read(&answer.body)
            .map_or((None, Around::Nothing), |found| (Some(found.json), found.around));
        let html = json.is_none() && answer.body.trim_ascii_start().starts_with(b"<");
        Self { json, around, html }
    }

    fn at(&self, pointer: &str) -> Option<&Value> {
        self.json.as_ref()?.pointer(pointer).filter(|value| !value.is_null())
    }
}

/// Why `answer` holds no usable token.
pub fn token_failure(ctx: &CallContext, answer: &Answer) -> Failure {
    let body = Body::of(answer);
    let failure = by_rules(ctx, answer, &body)
        .or_else(|| by_error_code(ctx, answer, &body))
        .unwrap_or_else(|| token_by_status(ctx, answer, &body));
    finish(ctx, failure, answer)
}

/// What the list's answer says in total.
pub fn read_list(ctx: &CallContext, answer: &Answer) -> Result<Listing, Failure> {
    let body = Body::of(answer);
    let read = || total(ctx, &body).map(|total| Listing { total });
    refused(ctx, answer, &body).map_or_else(read, Err).map_err(|failure| finish(ctx, failure, answer))
}

/// The same one by one. `after`: with what this page was asked for.
pub fn read_extensions(ctx: &CallContext, answer: &Answer, after: Option<&str>) -> Result<Page, Failure> {
    let body = Body::of(answer);
    let call = ctx.target.called();
    let read = || {
        let total = if call.total.is_some() { total(ctx, &body)? } else { None };
        // Counting needs a list that is there.
        let page = listing::page(call, body.json.as_ref(), after);
        let page = page.ok_or_else(|| no_total(ctx, &body, call.list.as_deref().unwrap_or_default()))?;
        Ok(Page { total, ..page })
    };
    refused(ctx, answer, &body).map_or_else(read, Err).map_err(|failure| finish(ctx, failure, answer))
}

/// What the version query told.
pub fn read_version(ctx: &CallContext, answer: &Answer) -> Result<Version, Failure> {
    let body = Body::of(answer);
    let read = || {
        let told = listing::version(&ctx.target.platform, body.json.as_ref());
        told.ok_or_else(|| ctx.failure(Odd::NoVersion))
    };
    refused(ctx, answer, &body).map_or_else(read, Err).map_err(|failure| finish(ctx, failure, answer))
}

fn finish(ctx: &CallContext, failure: Failure, answer: &Answer) -> Failure {
    let limited = failure.reason() == Reason::RateLimited;
    let mut failure = with_retry_after(failure, answer);
    if limited && failure.retry_after.is_none() {
        // While requests are left, it is not the budget that is spent.
        let (remaining, reset) = super::rate_limit(ctx.target, answer);
        let spent = reset.filter(|_| remaining.is_none_or(|remaining| remaining == 0));
        failure.retry_after = spent.map(std::time::Duration::from_secs);
    }
    failure
}

/// The first rule that fits.
fn by_rules(ctx: &CallContext, answer: &Answer, body: &Body) -> Option<Failure> {
    let platform = &ctx.target.platform;
    let mut rules =
        platform.rules.iter().enumerate().filter(|(_, rule)| rule.reason.occurs_at(ctx.operation));
    let (place, rule) = rules.find(|(_, rule)| fits(rule, ctx, answer, body))?;
    let general = general(ctx, rule.reason, answer.status);
    Some(ctx.failure(Cause::Rule(Matched::new(platform, place, general))))
}

fn fails(ctx: &CallContext, reason: Reason, status: StatusCode) -> Failure {
    ctx.failure(general(ctx, reason, status))
}

/// What `reason` means on any platform.
fn general(ctx: &CallContext, reason: Reason, status: StatusCode) -> Cause {
    let (status, here) = (status.as_u16(), ctx.has_just_issued());
    let by_key = ctx.target.auth.grant == Grant::Static;
    let general = match reason {
        Reason::InvalidClient => General::ClientRefused,
        Reason::InvalidGrant => match ctx.grant {
            Grant::Password => General::PasswordRefused,
            Grant::RefreshToken => General::RefreshTokenRefused,
            Grant::AuthorizationCode => General::CodeRefused,
            Grant::ClientCredentials | Grant::Static => General::GrantRefused,
        },
        Reason::InvalidScope => General::ScopeRefused,
        Reason::UnauthorizedClient => General::GrantNotAllowed,
        Reason::InvalidRequest => General::RequestMalformed,
        Reason::TokenRejected if by_key => General::KeyRejected,
        Reason::TokenRejected if ctx.fresh => General::FreshTokenRejected,
        Reason::TokenRejected => General::TokenRejected,
        Reason::InsufficientScope => General::ScopeMissing,
        Reason::AccessDenied if by_key => General::KeyDenied,
        Reason::AccessDenied => General::AccessDenied,
        Reason::UserBlocked => General::UserBlocked,
        Reason::Forbidden if here => General::ForbiddenHere,
        Reason::Forbidden => General::Forbidden,
        Reason::ApiNotFound if here => General::NotFoundHere,
        Reason::ApiNotFound => General::ApiNotFound,
        Reason::QueryFailed => General::CallFailed,
        Reason::RateLimited => General::RateLimited { status },
        Reason::ServerError if (502..=504).contains(&status) => General::GatewayFailed { status },
        Reason::ServerError => General::ServerFailed { status },
        Reason::Proxy => General::ProxyPassword,
        Reason::AuthorizationRequired
        | Reason::AjaxDeclined
        | Reason::UnexpectedResponse
        | Reason::ResponseTooLarge
        | Reason::RedirectRefused
        | Reason::Dns
        | Reason::Connect
        | Reason::Tls
        | Reason::Timeout
        | Reason::ConnectionLost
        | Reason::ExporterError => return odd_status(status).into(),
    };
    general.into()
}

const fn odd_status(status: u16) -> Odd {
    if matches!(status, 300..=399) { Odd::Redirected { status } } else { Odd::Status { status } }
}

fn fits(rule: &Rule, ctx: &CallContext, answer: &Answer, body: &Body) -> bool {
    let token = ctx.operation == Operation::Token;
    let of = rule.of.has(ctx.operation);
    let granted = rule.grants.as_ref().is_none_or(|grants| token && grants.contains(&ctx.grant));
    let status = rule.status.as_ref().is_none_or(|known| known.contains(&answer.status.as_u16()));
    let header = rule.header.as_ref().is_none_or(|test| {
        let value = answer.headers.get(&test.name).and_then(|value| value.to_str().ok());
        let holds = |value: &str| test.contains.as_ref().is_none_or(|part| value.contains(part));
        let one_of = |value: &str| {
            test.values.as_ref().is_none_or(|all| all.iter().any(|word| word.to_string() == value.trim()))
        };
        value.is_some_and(|value| holds(value) && one_of(value))
    });
    let absent = rule.absent.as_ref().is_none_or(|pointer| body.at(pointer).is_none());
    let path = rule.path.as_ref().is_none_or(|part| ctx.path().contains(part));
    of && granted
        && status
        && path
        && absent
        && header
        && rule.pointer.as_ref().is_none_or(|pointer| says(rule, body.at(pointer)))
}

fn says(rule: &Rule, value: Option<&Value>) -> bool {
    let Some(value) = value else { return false };
    let text = value.as_str();
    let one_of = rule.values.as_ref().is_none_or(|values| values.iter().any(|word| is(word, value)));
    let begins = rule.prefix.as_ref().is_none_or(|part| text.is_some_and(|text| text.starts_with(part)));
    let holds = rule.contains.as_ref().is_none_or(|part| text.is_some_and(|text| text.contains(part)));
    one_of && begins && holds
}

/// `0` and `"0"` are the same.
fn is(word: &Word, value: &Value) -> bool {
    let word = word.to_string();
    match value {
        Value::String(text) => *text == word,
        Value::Number(number) => number.to_string() == word,
        Value::Bool(truth) => truth.to_string() == word,
        _ => false,
    }
}

/// Whether a body passes the test that makes it a success; `None`: it does not say.
pub fn passes(test: &Test, json: Option<&Value>) -> Option<bool> {
    let value = json?.pointer(&test.pointer)?;
    Some(test.values.iter().any(|word| is(word, value)))
}

/// RFC 6749 section 5.2, whatever the status.
fn by_error_code(ctx: &CallContext, answer: &Answer, body: &Body) -> Option<Failure> {
    if answer.status == StatusCode::TOO_MANY_REQUESTS {
        return Some(fails(ctx, Reason::RateLimited, answer.status));
    }
    let reason = match body.at("/error")?.as_str()? {
        "invalid_client" => Reason::InvalidClient,
        "invalid_grant" => Reason::InvalidGrant,
        "invalid_scope" => Reason::InvalidScope,
        "invalid_request" => Reason::InvalidRequest,
        "unauthorized_client" | "unsupported_grant_type" => Reason::UnauthorizedClient,
        "server_error" | "temporarily_unavailable" => Reason::ServerError,
        _ => return None,
    };
    Some(fails(ctx, reason, answer.status))
}

fn token_by_status(ctx: &CallContext, answer: &Answer, body: &Body) -> Failure {
    let status = answer.status;
    let unexpected = |what: Odd| ctx.failure(what);
    // Whoever counts refusals takes it for one, though nobody here knows what it means: JSON without a token and 422 are
    // ways to refuse one, too.
    let refusal = |what: Odd| Failure { refused: true, ..ctx.failure(what) };
    match status.as_u16() {
        200..=299 if body.html => unexpected(Odd::Page),
        200..=299 if body.json.is_none() => unexpected(Odd::NoJson),
        200..=299 => {
            let form = ctx.target.platform.token.as_ref();
            let pointer =
                form.and_then(|form| form.answer.access_token.as_deref()).unwrap_or("/access_token");
            let test = form.and_then(|form| form.success.as_ref());
            match test.map(|test| (test, passes(test, body.json.as_ref()))) {
                Some((_, Some(false))) => return refusal(Odd::SaysNo),
                Some((test, None)) => return refusal(Odd::NoCode { pointer: test.pointer.as_str().into() }),
                Some((_, Some(true))) | None => {}
            }
            let given = body.at(pointer).and_then(Value::as_str).filter(|token| !token.is_empty());
            let refresh =
                form.and_then(|form| form.answer.refresh_token.as_deref()).unwrap_or("/refresh_token");
            let refresh = body.at(refresh).and_then(Value::as_str);
            let unusable = given.is_some_and(|token| {
                !ctx.target.platform.sent_as.carries(token)
                    || refresh.is_some_and(|it| it.len() > LONGEST_TOKEN)
            });
            refusal(if unusable { Odd::UnusableToken } else { Odd::NoToken })
        }
        401 if body.html => unexpected(Odd::Password),
        401 => refused_unsaid(ctx),
        403 => fails(ctx, Reason::Forbidden, status),
        404 => fails(ctx, Reason::ApiNotFound, status),
        407 if ctx.target.client.proxy.is_some() => fails(ctx, Reason::Proxy, status),
        500..=599 => fails(ctx, Reason::ServerError, status),
        other if may_refuse(status) => refusal(odd_status(other)),
        other => unexpected(odd_status(other)),
    }
}

/// Whether a status that the token endpoint gives may mean that it refuses the credentials. The others of its hundred are
/// about the way, the address or the pace of the request.
fn may_refuse(status: StatusCode) -> bool {
    status.is_client_error() && !matches!(status.as_u16(), 404 | 405 | 407 | 408 | 429)
}

/// A 401 without a known error code: that it refuses is certain, and not what. RFC 6749 section 5.2 knows the status for
/// a refused client; with any other grant than the client's own, what the grant brings is likelier. Only where a person
/// would have to replace a refresh token is it never taken for dead on such a word: it may serve once the secret is right.
fn refused_unsaid(ctx: &CallContext) -> Failure {
    ctx.failure(match ctx.grant {
        Grant::ClientCredentials | Grant::Static => Odd::ClientRefusedUnsaid,
        Grant::RefreshToken if takes_a_person(ctx) => Odd::ClientRefusedUnsaid,
        Grant::Password | Grant::AuthorizationCode | Grant::RefreshToken => Odd::GrantRefusedUnsaid,
    })
}

/// Whether the refresh token that was sent could be replaced by a person alone.
fn takes_a_person(ctx: &CallContext) -> bool {
    ctx.grant == Grant::RefreshToken && ctx.target.auth.grant.needs_person()
}

/// What a resource's answer says of a failure; `None`: it succeeded.
fn refused(ctx: &CallContext, answer: &Answer, body: &Body) -> Option<Failure> {
    by_rules(ctx, answer, body).or_else(|| by_challenge(ctx, answer)).or_else(|| by_status(ctx, answer, body))
}

/// RFC 6750 section 3.1.
fn by_challenge(ctx: &CallContext, answer: &Answer) -> Option<Failure> {
    if bearer_error(answer, "invalid_token") {
        return Some(fails(ctx, Reason::TokenRejected, answer.status));
    }
    bearer_error(answer, "insufficient_scope").then(|| fails(ctx, Reason::InsufficientScope, answer.status))
}

fn by_status(ctx: &CallContext, answer: &Answer, body: &Body) -> Option<Failure> {
    let status = answer.status;
    let unexpected = |what: Odd| Some(ctx.failure(what));
    let fails = |reason| Some(fails(ctx, reason, status));
    match status.as_u16() {
        200..=299 => {
            let call = ctx.target.called();
            let test = call.success.as_ref().filter(|_| ctx.operation == Operation::Extensions);
            // An API's answer is JSON, whether or not a pointer asks for some of it; a call of one's own may be anything.
            let is_known = matches!(ctx.target.call, Call::Known(_)) && call.request.method != Method::Head;
            if is_known && body.json.is_none() {
                return unexpected(if body.html { Odd::Page } else { Odd::NoJson });
            }
            let test = test?;
            match passes(test, body.json.as_ref()) {
                Some(true) => None,
                Some(false) => fails(Reason::QueryFailed),
                None if body.json.is_none() => unexpected(Odd::NoJson),
                None => unexpected(Odd::NoCode { pointer: test.pointer.as_str().into() }),
            }
        }
        401 if body.html || has_challenge(answer, "basic") => unexpected(Odd::Password),
        401 => fails(Reason::TokenRejected),
        403 => fails(Reason::Forbidden),
        404 => fails(Reason::ApiNotFound),
        407 if ctx.target.client.proxy.is_some() => fails(Reason::Proxy),
        429 => fails(Reason::RateLimited),
        500..=599 => fails(Reason::ServerError),
        other => unexpected(odd_status(other)),
    }
}

fn total(ctx: &CallContext, body: &Body) -> Result<Option<u64>, Failure> {
    let call = ctx.target.called();
    let at = |pointer: &str| body.json.as_ref().and_then(|json| json.pointer(pointer));
    let (pointer, total) = match (&call.total, &call.list) {
        (Some(pointer), _) => (pointer, at(pointer).and_then(listing::count)),
        (None, Some(pointer)) => (pointer, at(pointer).and_then(listing::members)),
        (None, None) => return Ok(None),
    };
    total.map(Some).ok_or_else(|| no_total(ctx, body, pointer))
}

fn no_total(ctx: &CallContext, body: &Body, pointer: &str) -> Failure {
    ctx.failure(if body.json.is_none() { Odd::NoJson } else { Odd::NoTotal { pointer: pointer.into() } })
}

/// Whether `WWW-Authenticate` names `scheme` (RFC 9110 section 11.6.1).
pub fn has_challenge(answer: &Answer, scheme: &str) -> bool {
    challenges(answer)
        .any(|value| value.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))
}

/// Whether a `Bearer` challenge gives `error` (RFC 6750 section 3).
pub fn bearer_error(answer: &Answer, error: &str) -> bool {
    has_challenge(answer, "bearer")
        && challenges(answer).any(|value| value.contains(&format!("error=\"{error}\"")))
}

fn challenges(answer: &Answer) -> impl Iterator<Item = &str> {
    answer.headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok())
}

/// What an answer is, as evidence: its status, its kind, and what a rule found, of words that the rules know.
pub fn facts(target: &Target, answer: &Answer) -> String {
    let body = Body::of(answer);
    let kind = match (&body.json, body.html, answer.body.is_empty()) {
        (Some(_), ..) => body.around.kind(),
        (None, true, _) => "HTML",
        (None, false, true) => "no body",
        (None, false, false) => "neither JSON nor HTML",
    };
    let mut facts = vec![format!("HTTP {}", answer.status.as_u16()), kind.to_owned()];
    let known = body.at("/error").and_then(Value::as_str).filter(|word| ERRORS.contains(word));
    facts.extend(known.map(|word| format!("error {word}")));
    let found = target.platform.rules.iter().filter_map(|rule| {
        let value = body.at(rule.pointer.as_ref()?)?;
        let word = rule.values.as_ref()?.iter().find(|word| is(word, value))?;
        found_by(rule, word)
    });
    for found in found {
        if !facts.contains(&found) {
            facts.push(found);
        }
    }
    facts.join(", ")
}

/// What `rule` found at its pointer, as evidence.
fn found_by(rule: &Rule, word: &Word) -> Option<String> {
    let pointer = rule.pointer.as_ref()?.trim_start_matches('/').replace('/', ".");
    Some(format!("{pointer} {word}"))
}

/// RFC 6749 section 5.2 and 4.1.2.1.
const ERRORS: [&str; 9] = [
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "unauthorized_client",
    "unsupported_grant_type",
    "access_denied",
    "server_error",
    "temporarily_unavailable",
];
