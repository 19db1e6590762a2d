//! What a diagnosis asks besides, and what it makes of the answers.

use super::*;
use crate::sim::fixtures::{Generation, find};

#[test]
fn a_get_of_the_token_endpoint_proves_the_api_and_tells_the_release() {
    let target = pbx(Grant::ClientCredentials, Call::known("graphql"));
    let context = context(&target, Operation::Token, true);
    for (generation, release) in [
        (Generation::V16, "FreePBX 15 or 16"),
        (Generation::V17_0_1, "FreePBX 17"),
        (Generation::V17, "FreePBX 17"),
    ] {
        let answer = find("token by GET", generation).answer();
        match read_presence(&context, &answer) {
            Presence::There { release: told, remark } => {
                assert_eq!(told, release);
                assert_eq!(remark.is_some(), generation != Generation::V16);
            }
            other => panic!("{generation:?}: {other:?}"),
        }
    }
}

#[test]
fn where_the_api_is_not_no_credentials_follow() {
    let target = pbx(Grant::ClientCredentials, Call::known("graphql"));
    let context = context(&target, Operation::Token, true);
    for (name, expected) in [
        ("declined at the token endpoint", Some(Reason::AjaxDeclined)),
        ("rewrite ignored", Some(Reason::ApiNotFound)),
        ("module name bent", Some(Reason::ApiNotFound)),
        ("API module absent", Some(Reason::ApiNotFound)),
        ("forbidden by the web server", Some(Reason::Forbidden)),
        ("throttled", Some(Reason::RateLimited)),
        ("login page at the token endpoint", Some(Reason::UnexpectedResponse)),
        ("a password in front of the token endpoint", Some(Reason::UnexpectedResponse)),
        ("JSON without a token", Some(Reason::UnexpectedResponse)),
        ("bad gateway", Some(Reason::ServerError)),
        ("database not listening", Some(Reason::ServerError)),
        ("ionCube's loader missing", Some(Reason::ServerError)),
        // Where PHP_ERROR_LEVEL is NONE, 17 refuses a GET so, and a POST works.
        ("crash without a body at the token endpoint", None),
        ("database locked", None),
        // FreePBX's own words: it may be of this method alone.
        ("key file unusable", None),
    ] {
        let presence = read_presence(&context, &find(name, Generation::V17).answer());
        let told = match &presence {
            Presence::Absent(failure) => Some(failure.reason()),
            Presence::Unclear => None,
            Presence::There { .. } => panic!("{name}: {presence:?}"),
        };
        assert_eq!(told, expected, "{name}");
        if let Presence::Absent(failure) = presence {
            let said = say(&context, &failure);
            assert!(!said.contains("POST /"), "{name}: it was a GET: {said}");
        }
    }
}

#[test]
fn a_stranger_at_the_token_endpoint_is_told_as_one_and_no_credential_blamed() {
    let mut target = pbx(Grant::ClientCredentials, Call::known("graphql"));
    target.origin = Url::parse("http://pbx.example.com").unwrap();
    let context = context(&target, Operation::Token, true);
    for (status, body, expected, said) in [
        (400, r#"{"message":"no"}"#, Reason::UnexpectedResponse, "HTTP 400"),
        (401, r#"{"error":"invalid_client"}"#, Reason::UnexpectedResponse, "No credentials were sent"),
        (405, r#"{"detail":"Method Not Allowed"}"#, Reason::UnexpectedResponse, "No credentials were sent"),
        (405, "<h1>405 Not Allowed</h1>", Reason::UnexpectedResponse, "No credentials were sent"),
        (
            400,
            "<p>The plain HTTP request was sent to HTTPS port</p>",
            Reason::UnexpectedResponse,
            "wants https",
        ),
        (500, r#"{"error":"server_error"}"#, Reason::ServerError, "GET /admin"),
        (502, "<html>", Reason::ServerError, "GET /admin"),
    ] {
        let Presence::Absent(failure) = read_presence(&context, &answer(status, body)) else {
            panic!("{status} {body} draws credentials")
        };
        let text = say(&context, &failure);
        assert_eq!(failure.reason(), expected, "{status} {body}");
        assert!(text.contains(said) && !text.contains("unencrypted"), "{status} {body}: {text}");
    }
}

#[test]
fn what_a_token_may_do_is_read_from_the_names_of_the_queries() {
    let target = pbx(Grant::ClientCredentials, Call::known("graphql"));
    let context = context(&target, Operation::Extensions, true);
    let listed = r#"{"data":{"__typename":"Query","__schema":{"queryType":{"fields":[{"name":"node"},{"name":"fetchAllExtensions"}]}}}}"#;
    let none = r#"{"data":{"__typename":"Query","__schema":{"queryType":{"fields":[{"name":"node"}]}}}}"#;
    let closed = r#"{"errors":[{"message":"GraphQL introspection is not allowed"}]}"#;
    for (status, body, validity, queries, may_list, refused) in [
        (200, listed, Validity::Accepted, Some(2), Some(true), None),
        (200, none, Validity::Accepted, Some(1), Some(false), None),
        (400, closed, Validity::Accepted, None, None, None),
        (401, r#"{"error":"access_denied"}"#, Validity::Rejected, None, None, Some(Reason::TokenRejected)),
        (403, "<html>", Validity::Unclear, None, None, Some(Reason::Forbidden)),
        (502, "<html>", Validity::Unclear, None, None, None),
    ] {
        let told = read_permissions(&context, &answer(status, body));
        let got = (
            told.validity,
            told.queries.map(|names| names.len()),
            told.may_list,
            told.refused.map(|failure| failure.reason()),
        );
        assert_eq!(got, (validity, queries, may_list, refused), "{status} {body}");
    }
}

#[test]
fn evidence_repeats_nothing_of_the_far_side_but_known_words() {
    let target = pbx(Grant::ClientCredentials, Call::known("graphql"));
    for fixture in fixtures::all() {
        let facts = facts(&target, &fixture.answer());
        assert!(facts.starts_with(&format!("HTTP {}", fixture.status)), "{}: {facts}", fixture.name);
        for strange in [
            "/var/www",
            "Check the",
            "asterisk.",
            "Connection refused",
            "token_type",
            "hotel",
            "<",
            "Reception",
        ] {
            assert!(!facts.contains(strange), "{}: {facts}", fixture.name);
        }
    }
    for body in [
        r#"{"error":"canary","message":"canary","hint":"canary"}"#,
        r#"{"error":{"type":"canary","message":"canary"}}"#,
        r#"{"error":"invalid_client","hint":"canary"}"#,
        r#"{"error":"ajaxRequest declined - canary"}"#,
        r#"{"errors":[{"message":"Cannot query field canary"},{"message":"canary"}]}"#,
        "canary",
        "<canary>",
    ] {
        let facts = facts(&target, &answer(400, body));
        assert!(!facts.contains("canary"), "{body}: {facts}");
    }
}
