//! The classifier on every literal answer known of FreePBX, and on bodies nobody expects.

mod descriptions;
mod every_cause;
mod extensions;
mod follow_up;
mod host;
mod ringme;
mod shipped;
mod survey;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use url::Url;

use super::*;
use crate::answers::Table;
use crate::causes;
use crate::domain::platform::Certainty;
use crate::domain::target::{Call, ProxySettings};
use crate::domain::{Phase, TransportError};
use crate::sim::fixtures::{self, Called, Fixture};
use crate::sim::target::target;

fn pbx(grant: Grant, call: Call) -> Target {
    target("pbx", &Url::parse("https://pbx.example.com").unwrap(), grant, call)
}

fn context(target: &Target, operation: Operation, fresh: bool) -> CallContext<'_> {
    CallContext { target, operation, grant: target.auth.grant, fresh, scopes: None, clock_agrees: false }
}

fn answer(status: u16, body: impl Into<Bytes>) -> Answer {
    let status = StatusCode::from_u16(status).unwrap();
    Answer { status, headers: http::HeaderMap::new(), body: body.into() }
}

/// What the classifier makes of any answer to any operation.
fn judge(ctx: &CallContext, answer: &Answer) -> Result<Option<u64>, Failure> {
    match ctx.operation {
        Operation::Token => Err(token_failure(ctx, answer)),
        Operation::Extensions => read_list(ctx, answer).map(|listing| listing.total),
        Operation::Version => read_version(ctx, answer).map(|_| None),
    }
}

/// What a person is told of a failure of this call.
fn say(ctx: &CallContext, failure: &Failure) -> String {
    causes::explain(ctx.target, ctx.operation, failure).diagnosis()
}

fn fixture_says(fixture: &Fixture, failure: &Failure) -> String {
    causes::explain(&target_of(fixture), fixture.operation, failure).diagnosis()
}

fn target_of(fixture: &Fixture) -> Target {
    let grant = if fixture.grant == Grant::RefreshToken { Grant::Password } else { fixture.grant };
    pbx(grant, fixture.called.call())
}

fn judge_fixture(fixture: &Fixture) -> Result<Option<u64>, Failure> {
    let target = target_of(fixture);
    let ctx = CallContext { grant: fixture.grant, ..context(&target, fixture.operation, fixture.fresh) };
    judge(&ctx, &fixture.answer())
}

#[test]
fn every_known_answer_has_its_reason_and_its_fix() {
    let (table, mut seen) = (Table::<Reason>::of_freepbx(), std::collections::HashSet::new());
    for fixture in fixtures::all() {
        let name = format!("{} ({:?})", fixture.name, fixture.generations);
        let expected = table.row(fixture.name, fixture.generations);
        seen.insert(std::ptr::from_ref(expected));
        match (judge_fixture(fixture), expected.result()) {
            (Ok(total), Ok(expected)) => assert_eq!(total, expected, "{name}"),
            (Err(failure), Err(reason)) => {
                let said = fixture_says(fixture, &failure);
                assert_eq!(failure.reason(), reason, "{name}: {said}");
                if let Some(cause) = &expected.cause {
                    assert_eq!(failure.cause.name(), **cause, "{name}: {said}");
                }
                for part in &expected.says {
                    assert!(said.contains(part), "{name}: no {part:?} in: {said}");
                }
            }
            (judged, expected) => panic!("{name}: {judged:?} instead of {expected:?}"),
        }
    }
    assert_eq!(seen.len(), table.0.len(), "each row is about an answer");
}

#[test]
fn a_name_and_a_generation_make_one_fixture() {
    let mut seen = std::collections::HashSet::new();
    for fixture in fixtures::all() {
        for generation in fixture.generations {
            assert!(seen.insert((fixture.name, generation)), "{} {generation:?} twice", fixture.name);
        }
    }
    assert!(seen.len() > 100, "{}", seen.len());
}

#[test]
fn diagnoses_are_short_name_the_place_and_hold_no_dangling_space() {
    for fixture in fixtures::all() {
        let Err(failure) = judge_fixture(fixture) else { continue };
        let text = fixture_says(fixture, &failure);
        let target = target_of(fixture);
        let path = context(&target, fixture.operation, false).path().to_owned();
        let sentences = text.matches(". ").count() + 1;
        assert!(sentences <= 6 && text.len() <= 640, "{}: {} letters: {text}", fixture.name, text.len());
        assert!(text.ends_with('.') || text.ends_with("..."), "{text}");
        assert!(!text.contains("  ") && !text.contains('\n'), "{}: {text}", fixture.name);
        assert!(
            text.contains(&path) || text.contains("Allowed Scopes"),
            "{} without {path}: {text}",
            fixture.name
        );
    }
}

#[test]
fn below_a_path_each_answer_means_the_same_and_each_address_named_has_the_path() {
    for fixture in fixtures::all() {
        let mut target = target_of(fixture);
        target.platform = Arc::new(target.platform.below("/pbx"));
        if let Call::Custom(call) = &mut target.call {
            call.request.path.insert_str(0, "/pbx");
        }
        let ctx = CallContext { grant: fixture.grant, ..context(&target, fixture.operation, fixture.fresh) };
        let cause = |judged: &Result<_, Failure>| judged.as_ref().err().map(|failure| failure.cause.name());
        let judged = judge(&ctx, &fixture.answer());
        assert_eq!(cause(&judged), cause(&judge_fixture(fixture)), "{}", fixture.name);
        let said = judged.map_or_else(|failure| say(&ctx, &failure), |_| String::new());
        assert_eq!(
            said.matches("/admin/").count(),
            said.matches("/pbx/admin/").count(),
            "{}: {said}",
            fixture.name
        );
    }
}

#[test]
fn every_reason_given_is_announced_as_possible() {
    for fixture in fixtures::all() {
        let Err(failure) = judge_fixture(fixture) else { continue };
        let possible = possible_reasons(&target_of(fixture), fixture.operation);
        assert!(possible.contains(&failure.reason()), "{}: {}", fixture.name, failure.reason());
    }
}

#[test]
fn what_a_target_cannot_meet_is_not_announced() {
    let has = |target: &Target, reason| possible_reasons(target, Operation::Extensions).contains(&reason);
    let https = pbx(Grant::Password, Call::known("graphql"));
    let mut http = https.clone();
    http.origin = Url::parse("http://pbx.example.com").unwrap();
    let mut proxied = http.clone();
    let url = Url::parse("https://proxy.example.com").unwrap();
    proxied.client.proxy = Some(ProxySettings { url, credentials: None, no_proxy: None });
    let mut fixed = https.clone();
    fixed.auth.grant = Grant::Static;

    assert!(has(&https, Reason::Tls) && !has(&https, Reason::Proxy));
    assert!(!has(&http, Reason::Tls));
    assert!(has(&proxied, Reason::Tls) && has(&proxied, Reason::Proxy));
    assert!(!has(&https, Reason::AccessDenied) && !has(&https, Reason::UserBlocked));
    assert!(!has(&https, Reason::InvalidClient) && has(&https, Reason::ExporterError));
    assert_eq!(possible_reasons(&fixed, Operation::Token), []);
}

/// Statuses crossed with bodies: the body decides where it speaks, else the status.
#[test]
fn status_and_body_as_a_table() {
    use Reason::{
        AjaxDeclined as Declined, ApiNotFound as Absent, Forbidden, InsufficientScope as Scope, QueryFailed,
        RateLimited as Limit, ServerError as Server, TokenRejected as Rejected, UnexpectedResponse as Odd,
    };
    let statuses = [200, 302, 400, 401, 403, 404, 405, 418, 429, 500, 502, 503];
    let by_status = [Odd, Odd, Odd, Odd, Forbidden, Absent, Odd, Odd, Limit, Server, Server, Server];
    let always = |reason| {
        [reason, reason, reason, reason, reason, reason, reason, reason, Limit, reason, reason, reason]
    };
    let denied = r#"{"error":"access_denied","message":"x"}"#;
    let mut only_401 = by_status;
    only_401[3] = Rejected;
    let rows: [(&str, [Reason; 12]); 9] = [
        ("", by_status),
        ("<html></html>", by_status),
        (r#"{"error":"something_new"}"#, by_status),
        (denied, only_401),
        (r#"{"error":"ajaxRequest declined"}"#, always(Declined)),
        (r#"{"status":false,"message":"unauthorized"}"#, always(Scope)),
        (r#"{"errors":[{"message":"Cannot query field \"x\""}]}"#, always(Scope)),
        (r#"{"errors":[{"message":"other"}]}"#, always(QueryFailed)),
        (r#"{"error":{"type":"Exception","message":"Module requested invalid"}}"#, always(Absent)),
    ];
    let target = pbx(Grant::ClientCredentials, Call::known("graphql"));
    let ctx = context(&target, Operation::Extensions, false);
    for (body, expected) in rows {
        for (status, expected) in statuses.into_iter().zip(expected) {
            let reason = read_list(&ctx, &answer(status, body)).map_err(|failure| failure.reason());
            assert_eq!(reason, Err(expected), "{status} {body}");
        }
    }
}

#[test]
fn odd_bodies_never_panic_and_never_pass() {
    let deep = "[".repeat(100_000);
    let deep_object = r#"{"error":"#.repeat(100_000);
    let bodies: [&[u8]; 16] = [
        b"",
        b"null",
        b"true",
        b"0",
        b"\"x\"",
        b"[1]",
        b"\xff\xfe\x00",
        b"{\"error\":null}",
        b"{\"error\":[]}",
        b"{\"error\":{}}",
        b"{\"error\":{\"type\":3,\"message\":[]}}",
        b"{\"errors\":{}}",
        b"{\"errors\":[null]}",
        b"{\"data\":{\"fetchAllExtensions\":[]}}",
        deep.as_bytes(),
        deep_object.as_bytes(),
    ];
    let allowed = [Reason::UnexpectedResponse, Reason::ServerError, Reason::QueryFailed, Reason::Forbidden];
    for call in [Called::Graphql, Called::Rest] {
        let target = pbx(Grant::ClientCredentials, call.call());
        for operation in Operation::ALL {
            let ctx = context(&target, operation, true);
            for (body, status) in
                bodies.iter().flat_map(|body| [200, 401, 403, 500].map(|status| (body, status)))
            {
                let judged = judge(&ctx, &answer(status, Bytes::copy_from_slice(body)));
                let reason = judged.expect_err("not a list").reason();
                assert!(allowed.contains(&reason), "{operation} {status} {reason}");
            }
        }
    }
}

#[test]
fn no_text_of_the_far_side_reaches_a_diagnosis() {
    const CANARY: &str = "canary-5f1d";
    let bodies = [
        r#"{"error":"CANARY","message":"CANARY","hint":"CANARY"}"#,
        r#"{"error":"invalid_request","message":"CANARY","hint":"Check the `CANARY` parameter"}"#,
        r#"{"error":"invalid_request","message":"The refresh token is invalid. CANARY","hint":"CANARY"}"#,
        r#"{"error":"invalid_client","message":"CANARY"}"#,
        r#"{"error":"invalid_grant","error_description":"CANARY"}"#,
        r#"{"error":"invalid_scope","hint":"Check the `CANARY` scope"}"#,
        r#"{"error":"access_denied","hint":"CANARY"}"#,
        r#"{"error":"ajaxRequest declined - CANARY"}"#,
        r#"{"error":{"type":"CANARY","message":"CANARY"}}"#,
        r#"{"error":{"type":"PDOException CANARY","message":"Key file CANARY"}}"#,
        r#"{"error":{"type":"TypeError","message":"CANARY addScope() CANARY"}}"#,
        r#"{"error":{"type":"Exception","message":"Attempted to load CANARY with a hint"}}"#,
        r#"{"error":{"type":"Exception","message":"Unable to locate the Class 'CANARY'A required"}}"#,
        r#"{"errors":[{"message":"Cannot query field CANARY"}]}"#,
        r#"{"errors":[{"message":"CANARY","status":false}]}"#,
        r#"{"status":false,"message":"CANARY"}"#,
        "<html>Slim Application Error CANARY</html>",
        r#"{"error":{"type":"Exception","message":"SQLSTATE[CANARY] [2002] CANARY::CANARY","code":2002}}"#,
        r#"{"error":{"type":"PDOException","message":"SQLSTATE[HY000]: General error: CANARY 1205 CANARY","code":"CANARY"}}"#,
        r#"{"error":{"type":"PDOException","message":"CANARY","code":"CANARY"}}"#,
        r#"{"error":{"type":"ErrorException","message":"CANARY","file":"/admin/modules/CANARY/x.php"}}"#,
        r#"{"error":{"type":"Error","message":"Key file CANARY api_oauth.key permissions are not correct"}}"#,
        r#"{"message":"Slim Application Error","exception":[{"type":"CANARY","message":"CANARY"}]}"#,
        r#"{"errors":[{"message":"SQLSTATE[HY000]: CANARY: 1 CANARY"}]}"#,
        "<b>Fatal error</b>:  Uncaught CANARY: CANARY in /CANARY:1 on line 3",
        "<b>Warning</b>:  CANARY in <b>/CANARY</b> on line <b>3</b>",
        "Composer detected issues in your platform: CANARY",
        "CANARY",
    ];
    for call in [Called::Graphql, Called::Rest, Called::Path("/my/own")] {
        let target = pbx(Grant::Password, call.call());
        for (operation, body) in Operation::ALL.into_iter().flat_map(|o| bodies.map(|body| (o, body))) {
            for (status, grant) in
                [200, 401, 403, 429, 500].into_iter().flat_map(|s| Grant::ALL.map(|g| (s, g)))
            {
                let ctx = CallContext { grant, ..context(&target, operation, false) };
                let mut answer = answer(status, body.replace("CANARY", CANARY));
                answer
                    .headers
                    .insert("www-authenticate", HeaderValue::from_static("Bearer error=\"canary-5f1d\""));
                if let Err(failure) = judge(&ctx, &answer) {
                    let said = say(&ctx, &failure);
                    assert!(!said.contains(CANARY), "{operation} {body}: {said}");
                }
            }
        }
    }
}

#[test]
fn only_one_word_of_letters_is_taken_for_a_modules_name() {
    let target = pbx(Grant::ClientCredentials, Call::known("graphql"));
    let ctx = context(&target, Operation::Extensions, false);
    let long = format!("Attempted to load {} with", "a".repeat(33));
    for (message, install) in [
        ("Attempted to load Userman with a hint of x", "downloadinstall userman`"),
        ("Unable to locate the FreePBX BMO Class 'Core'A required", "downloadinstall core`"),
        ("Attempted to load Api with a hint of x", "downloadinstall api`"),
        ("Attempted to load us;rman with", "downloadinstall api`"),
        ("Unable to locate the Class '' at all", "downloadinstall api`"),
        ("Unable to locate Core", "downloadinstall api`"),
        (&long, "downloadinstall api`"),
    ] {
        let body = format!(r#"{{"error":{{"type":"Exception","message":"{message}"}}}}"#);
        let failure = read_list(&ctx, &answer(500, body)).unwrap_err();
        assert_eq!(failure.reason(), Reason::ApiNotFound);
        let said = say(&ctx, &failure);
        assert!(said.contains(install), "{message}: {said}");
    }
}

#[test]
fn only_the_name_of_a_php_exception_is_shown() {
    let target = pbx(Grant::ClientCredentials, Call::known("graphql"));
    let ctx = context(&target, Operation::Extensions, false);
    let long = format!("{}Exception", "A".repeat(60));
    for (kind, shown) in [
        ("Doctrine\\\\DBAL\\\\Exception\\\\ConnectionException", true),
        ("TypeError", true),
        ("eyJhbGciOiJSUzI1NiJ9.x.y", false),
        ("<b>Exception", false),
        (long.as_str(), false),
    ] {
        let body = format!(r#"{{"error":{{"type":"{kind}","message":"x"}}}}"#);
        let failure = read_list(&ctx, &answer(500, body)).unwrap_err();
        assert_eq!(failure.reason(), Reason::ServerError);
        let said = say(&ctx, &failure);
        assert_eq!(said.contains(&kind.replace("\\\\", "\\")), shown, "{said}");
    }
}

#[test]
fn a_bearer_challenge_of_a_gateway_is_understood() {
    let target = pbx(Grant::ClientCredentials, Called::Path("/my/own").call());
    let ctx = context(&target, Operation::Extensions, false);
    for (challenge, reason) in [
        ("Bearer realm=\"x\", error=\"invalid_token\"", Reason::TokenRejected),
        ("bearer error=\"insufficient_scope\"", Reason::InsufficientScope),
        ("Bearer", Reason::UnexpectedResponse),
    ] {
        let mut answer = answer(401, "");
        answer.headers.insert("www-authenticate", HeaderValue::from_static(challenge));
        assert_eq!(read_list(&ctx, &answer).unwrap_err().reason(), reason, "{challenge}");
    }
}

#[test]
fn words_of_graphql_mean_nothing_at_another_path_of_ones_own() {
    let target = pbx(Grant::ClientCredentials, Called::Path("/my/own").call());
    let ctx = context(&target, Operation::Extensions, false);
    let body = r#"{"errors":[{"message":"Cannot query field"}]}"#;
    assert_eq!(read_list(&ctx, &answer(200, body)), Ok(Listing { total: None }));
    assert_eq!(read_list(&ctx, &answer(400, body)).unwrap_err().reason(), Reason::UnexpectedResponse);
}

#[test]
fn another_refusal_of_the_oauth_library_is_no_rejected_token() {
    let target = pbx(Grant::ClientCredentials, Call::known("graphql"));
    let ctx = context(&target, Operation::Extensions, false);
    let of = |code| {
        let kind = r"League\\OAuth2\\Server\\Exception\\OAuthServerException";
        let answer = answer(500, format!(r#"{{"error":{{"type":"{kind}","message":"x"{code}}}}}"#));
        (read_list(&ctx, &answer).unwrap_err().reason(), read_validity(&answer))
    };
    assert_eq!(of(r#","code":9"#), (Reason::TokenRejected, Validity::Rejected));
    assert_eq!(of(""), (Reason::TokenRejected, Validity::Rejected));
    assert_eq!(of(r#","code":7"#), (Reason::ServerError, Validity::Unclear));
}

#[test]
fn the_rewrite_is_blamed_for_a_web_servers_own_404_alone() {
    for fixture in fixtures::all() {
        let Err(failure) = judge_fixture(fixture) else { continue };
        if failure.reason() != Reason::ApiNotFound {
            continue;
        }
        let said = fixture_says(fixture, &failure);
        let (slim, blamed) = (said.contains("rewrite works"), said.contains("AllowOverride"));
        assert_eq!(slim, fixture.name.starts_with("REST unknown route"), "{}: {said}", fixture.name);
        assert_eq!(blamed, fixture.name.starts_with("rewrite ignored"), "{}: {said}", fixture.name);
    }
}

#[test]
fn a_custom_total_is_read_by_pointer() {
    let list = |total: &str, body: &'static str| {
        let Call::Custom(mut call) = Called::Path("/my/own?key=value").call() else { unreachable!() };
        call.total = Some(total.into());
        let target = pbx(Grant::ClientCredentials, Call::Custom(call));
        let ctx = context(&target, Operation::Extensions, false);
        assert_eq!(ctx.path(), "/my/own");
        read_list(&ctx, &answer(200, body)).map(|listing| listing.total).map_err(|failure| failure.reason())
    };
    let odd = Err(Reason::UnexpectedResponse);
    for (pointer, body, expected) in [
        ("/total", r#"{"total":7}"#, Ok(Some(7))),
        ("/total", r#"{"total":"7"}"#, Ok(Some(7))),
        ("/total", r#"{"total":[1,2]}"#, Ok(Some(2))),
        ("", r#"{"2000":{},"2001":{}}"#, Ok(Some(2))),
        ("/total", r#"{"total":-1}"#, odd),
        ("/total", r#"{"total":null}"#, odd),
        ("/total", "{}", odd),
        ("/total", "<html>", odd),
    ] {
        assert_eq!(list(pointer, body), expected, "{pointer} {body}");
    }
}

#[test]
fn a_version_is_cut_to_what_a_label_may_hold() {
    let target = pbx(Grant::ClientCredentials, Call::known("graphql"));
    let ctx = context(&target, Operation::Version, false);
    let read = |body: String| read_version(&ctx, &answer(200, body)).map_err(|failure| failure.reason());
    let version = read(r#"{"data":{"system":{"version":"17.0.1\"<b>","engine":null}}}"#.into()).unwrap();
    assert_eq!((version.version.as_str(), version.engine.as_str()), ("17.0.1b", ""));
    let long = format!(r#"{{"data":{{"system":{{"version":"{}"}}}}}}"#, "1".repeat(100));
    assert_eq!(read(long).unwrap().version.len(), 64);
    assert_eq!(read(r#"{"data":{"system":{}}}"#.into()), Err(Reason::UnexpectedResponse));
}

#[test]
fn what_stands_around_the_json_is_a_warning() {
    const JSON: &str = r#"{"data":{"fetchAllExtensions":{"status":true,"totalCount":3}}}"#;
    for (body, expected) in [
        (JSON.to_owned(), None),
        (format!("\n {JSON}\r\n"), None),
        ("<html>".to_owned(), None),
        (format!("\u{feff}{JSON}"), Some(Warning::Mark)),
        (format!("<b>Notice</b>: x in <b>/x.php</b> on line <b>1</b>\n{JSON}"), Some(Warning::Output)),
        (format!("{JSON}\n<!-- 1 ms -->"), Some(Warning::Output)),
        (format!("[1] x\n{JSON}"), Some(Warning::Output)),
        (
            format!("<b>Warning</b>: open(x) failed: No space left on device (28) in x on line 1\n{JSON}"),
            Some(Warning::DiskFull),
        ),
    ] {
        assert_eq!(warning(&answer(200, body.clone())), expected, "{body}");
    }
}
