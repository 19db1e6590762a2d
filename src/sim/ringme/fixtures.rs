//! Literal answers of Ringme: as its manual lists them (codes and `status` words), in the shape that bodies seen
//! in public clients have. Marked is what is inferred.

use crate::domain::{Grant, Operation};
use crate::sim::fixtures::{Called, Fixture};

const JSON: &str = "application/json";

const fn token(name: &'static str, grant: Grant, status: u16, body: &'static str) -> Fixture {
    Fixture::new(name, &[], Operation::Token, status, JSON, body).grant(grant)
}

const fn resource(name: &'static str, status: u16, body: &'static str) -> Fixture {
    Fixture::new(name, &[], Operation::Extensions, status, JSON, body).called(Called::Named("extensions"))
}

const TRUSTED: Grant = Grant::ClientCredentials;

pub const ALL: &[Fixture] = &[
    // Documented is `invalid_grant` alone; the others are what python-oauthlib before 3.0 gives, which it resembles.
    token("unknown client", TRUSTED, 401, r#"{"error":"invalid_client"}"#),
    token("another grant", TRUSTED, 401, r#"{"error":"unauthorized_client"}"#),
    token("unknown grant", TRUSTED, 400, r#"{"error":"unsupported_grant_type"}"#),
    token("refresh token dead", Grant::RefreshToken, 401, r#"{"error":"invalid_grant"}"#),
    token("code dead", Grant::AuthorizationCode, 401, r#"{"error":"invalid_grant"}"#),
    token("wrong password", Grant::Password, 401, r#"{"message":"Unauthorized"}"#),
    token("wrong password, with success", Grant::Password, 200, r#"{"message":"Unauthorized"}"#),
    token("a proxy's refusal", Grant::Password, 403, r#"{"message":"Forbidden"}"#),
    token(
        "password not for this client",
        Grant::Password,
        401,
        r#"{"error":"unauthorized_client","message":"x"}"#,
    ),
    token(
        "blocked before a token",
        Grant::Password,
        403,
        r#"{"message":"User is blocked","status":"user_blocked"}"#,
    ),
    token("too many token requests", TRUSTED, 429, r#"{"message":"Too many requests"}"#),
    // Letters of another alphabet that look Latin, as in the manual's examples.
    token(
        "token of odd letters",
        TRUSTED,
        200,
        "{\"access_token\":\"2jGp\u{410}\u{420}\u{41a}\u{421}7kQ\",\"token_type\":\"Bearer\",\"expires_in\":3600,\"scope\":\"all\"}",
    ),
    token("token endpoint gone", TRUSTED, 404, "<html><h1>404 Not Found</h1></html>"),
    token("no token", TRUSTED, 200, r#"{"token_type":"Bearer"}"#),
    resource("token refused", 401, r#"{"message":"Unauthorized"}"#),
    resource("access denied", 403, r#"{"message":"Access denied","status":"access_denied"}"#),
    resource("user blocked", 403, r#"{"message":"User is blocked","status":"user_blocked"}"#),
    resource("user reads only", 403, r#"{"message":"Access denied","status":"user_access_type_deny"}"#),
    resource("application too low", 403, r#"{"message":"Access denied","status":"app_access_type_deny"}"#),
    resource("forbidden in front", 403, "<html><h1>403 Forbidden</h1></html>"),
    resource("a status nobody knows", 403, r#"{"message":"x","status":"something_new"}"#),
    resource("no such record", 404, r#"{"message":"Record not found"}"#),
    resource("no such client", 404, r#"{"message":"Client not found","status":"client_not_found"}"#),
    resource("budget spent", 429, r#"{"message":"Rate limit exceeded","status":"rate_limit_exceeded"}"#)
        .headers(&[
            ("x-ratelimit-limit", "1000"),
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "900"),
        ]),
    resource("budget spent, without the word", 429, r#"{"message":"Rate limit exceeded"}"#).headers(&[
        ("x-ratelimit-limit", "1000"),
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset", "900"),
    ]),
    resource("limited, without a budget told", 429, r#"{"message":"Slow down"}"#),
    resource(
        "one at a time",
        429,
        r#"{"message":"Stats request already exists, concurrent request not allowed"}"#,
    )
    .headers(&[
        ("x-ratelimit-limit", "1000"),
        ("x-ratelimit-remaining", "640"),
        ("x-ratelimit-reset", "900"),
    ]),
    resource("broken inside", 500, ""),
    resource("gateway", 502, "<html><h1>502 Bad Gateway</h1></html>"),
    resource("a login page", 200, "<html><form></form></html>"),
    resource("an object", 200, "7"),
    resource(
        "two extensions",
        200,
        r#"[{"id":1,"name":"0003*101","type":"phone","status":"active","label":"Reception"},
        {"id":2,"name":"0003*102","type":"phone","status":"active","label":null}]"#,
    ),
    resource("no extensions", 200, "[]"),
];

/// The fixture of this name.
///
/// # Panics
/// When there is none: names are the simulator's own constants.
pub fn find(name: &str) -> &'static Fixture {
    ALL.iter().find(|fixture| fixture.name == name).unwrap_or_else(|| panic!("no fixture {name:?}"))
}
