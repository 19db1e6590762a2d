//! Literal answers of Ringme: as its manual lists them (codes and `status` words), in the shape that bodies seen
//! in public clients have. Marked is what is inferred.

use crate::domain::{Grant, Operation, Reason};
use crate::sim::fixtures::{Called, Fixture};

const JSON: &str = "application/json";

const fn token(name: &'static str, grant: Grant, status: u16, body: &'static str) -> Fixture {
    Fixture::new(name, &[], Operation::Token, status, JSON, body).grant(grant)
}

const fn resource(name: &'static str, status: u16, body: &'static str) -> Fixture {
    Fixture::new(name, &[], Operation::Extensions, status, JSON, body).called(Called::Named("extensions"))
}

const TRUSTED: Grant = Grant::ClientCredentials;

/// All of them.
pub const ALL: &[Fixture] = &[
    // Documented is `invalid_grant` alone; the others are what python-oauthlib before 3.0 gives, which it resembles.
    token("unknown client", TRUSTED, 401, r#"{"error":"invalid_client"}"#).fails(Reason::InvalidClient, &["client id"]),
    token("another grant", TRUSTED, 401, r#"{"error":"unauthorized_client"}"#)
        .fails(Reason::UnauthorizedClient, &["trusted application"]),
    token("unknown grant", TRUSTED, 400, r#"{"error":"unsupported_grant_type"}"#)
        .fails(Reason::UnauthorizedClient, &["client_credentials"]),
    token("refresh token dead", Grant::RefreshToken, 401, r#"{"error":"invalid_grant"}"#)
        .fails(Reason::InvalidGrant, &["refresh token", "expired"]),
    token("code dead", Grant::AuthorizationCode, 401, r#"{"error":"invalid_grant"}"#)
        .fails(Reason::InvalidGrant, &["authorization code"]),
    token("wrong password", Grant::Password, 401, r#"{"message":"Unauthorized"}"#)
        .fails(Reason::InvalidGrant, &["user name", "without saying"]),
    token("wrong password, with success", Grant::Password, 200, r#"{"message":"Unauthorized"}"#)
        .fails(Reason::InvalidGrant, &["user name", "without saying"]),
    token("a proxy's refusal", Grant::Password, 403, r#"{"message":"Forbidden"}"#).fails(Reason::Forbidden, &["firewall"]),
    token("password not for this client", Grant::Password, 401, r#"{"error":"unauthorized_client","message":"x"}"#)
        .fails(Reason::UnauthorizedClient, &["password_credentials application"]),
    token("blocked before a token", Grant::Password, 403, r#"{"message":"User is blocked","status":"user_blocked"}"#)
        .fails(Reason::Forbidden, &["user_blocked"]),
    token("too many token requests", TRUSTED, 429, r#"{"message":"Too many requests"}"#)
        .fails(Reason::RateLimited, &["20 requests a second"]),
    // Letters of another alphabet that look Latin, as in the manual's examples.
    token(
        "token of odd letters",
        TRUSTED,
        200,
        "{\"access_token\":\"2jGp\u{410}\u{420}\u{41a}\u{421}7kQ\",\"token_type\":\"Bearer\",\"expires_in\":3600,\"scope\":\"all\"}",
    )
    .fails(Reason::UnexpectedResponse, &["only look Latin"]),
    token("token endpoint gone", TRUSTED, 404, "<html><h1>404 Not Found</h1></html>")
        .fails(Reason::ApiNotFound, &["/oauth/token"]),
    token("no token", TRUSTED, 200, r#"{"token_type":"Bearer"}"#).fails(Reason::UnexpectedResponse, &["no access token"]),
    resource("token refused", 401, r#"{"message":"Unauthorized"}"#).fails(Reason::TokenRejected, &["no longer accepts"]),
    resource("access denied", 403, r#"{"message":"Access denied","status":"access_denied"}"#)
        .fails(Reason::AccessDenied, &["has no right"]),
    resource("user blocked", 403, r#"{"message":"User is blocked","status":"user_blocked"}"#)
        .fails(Reason::UserBlocked, &["blocked"]),
    resource("user reads only", 403, r#"{"message":"Access denied","status":"user_access_type_deny"}"#)
        .fails(Reason::AccessDenied, &["read_only"]),
    resource("application too low", 403, r#"{"message":"Access denied","status":"app_access_type_deny"}"#)
        .fails(Reason::AccessDenied, &["level of the application"]),
    resource("forbidden in front", 403, "<html><h1>403 Forbidden</h1></html>").fails(Reason::Forbidden, &["firewall"]),
    resource("a status nobody knows", 403, r#"{"message":"x","status":"something_new"}"#)
        .fails(Reason::Forbidden, &["403"]),
    resource("no such record", 404, r#"{"message":"Record not found"}"#).fails(Reason::ApiNotFound, &["call: user"]),
    resource("no such client", 404, r#"{"message":"Client not found","status":"client_not_found"}"#)
        .fails(Reason::ApiNotFound, &["@me"]),
    resource("budget spent", 429, r#"{"message":"Rate limit exceeded","status":"rate_limit_exceeded"}"#)
        .headers(&[("x-ratelimit-limit", "1000"), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "900")])
        .fails(Reason::RateLimited, &["hourly budget"]),
    resource("budget spent, without the word", 429, r#"{"message":"Rate limit exceeded"}"#)
        .headers(&[("x-ratelimit-limit", "1000"), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "900")])
        .fails(Reason::RateLimited, &["X-RateLimit-Remaining: 0", "hourly budget"]),
    resource("limited, without a budget told", 429, r#"{"message":"Slow down"}"#)
        .fails(Reason::RateLimited, &["does not tell", "hourly budget"]),
    resource("one at a time", 429, r#"{"message":"Stats request already exists, concurrent request not allowed"}"#)
        .headers(&[("x-ratelimit-limit", "1000"), ("x-ratelimit-remaining", "640"), ("x-ratelimit-reset", "900")])
        .fails(Reason::RateLimited, &["one at a time", "not what is spent"]),
    resource("broken inside", 500, "").fails(Reason::ServerError, &["HTTP 500"]),
    resource("gateway", 502, "<html><h1>502 Bad Gateway</h1></html>").fails(Reason::ServerError, &["gets no answer"]),
    resource("a login page", 200, "<html><form></form></html>").fails(Reason::UnexpectedResponse, &["page for people"]),
    resource("an object", 200, "7").fails(Reason::UnexpectedResponse, &["no number, array or object"]),
    resource("two extensions", 200, r#"[{"id":1,"name":"0003*101","type":"phone","status":"active","label":"Reception"},
        {"id":2,"name":"0003*102","type":"phone","status":"active","label":null}]"#)
        .total(Some(2)),
    resource("no extensions", 200, "[]").total(Some(0)),
];

/// The fixture of this name.
///
/// # Panics
/// When there is none: names are the simulator's own constants.
pub fn find(name: &str) -> &'static Fixture {
    ALL.iter().find(|fixture| fixture.name == name).unwrap_or_else(|| panic!("no fixture {name:?}"))
}
