//! The other shipped platforms: what each answer means and what a list tells, as tables from what is known of them.

use std::sync::Arc;

use super::*;
use crate::domain::platform::BodyFormat;

const ZOOM_SCOPE: &str =
    r#"{"code":4700,"message":"Invalid access token, does not contain scopes:[phone:read]."}"#;

fn of(name: &str) -> Target {
    let platform = builtin(name).unwrap();
    let grant = platform.grants.served().next().unwrap();
    let call = Call::known(&platform.calls[0].name);
    Target { platform, ..pbx(grant, call) }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn every_answer_of_a_shipped_platform_has_its_reason() {
    use Operation::{Extensions, Token};
    use Reason::*;
    for (name, operation, status, body, expected) in [
        ("3cx", Token, 401, r#"{"error":"unauthorized"}"#, InvalidClient),
        ("3cx", Token, 422, r#"{"message":"no"}"#, UnexpectedResponse),
        ("3cx", Extensions, 401, "", TokenRejected),
        ("3cx", Extensions, 403, "", Forbidden),
        ("3cx", Extensions, 403, r#"{"error":{"code":"x"}}"#, Forbidden),
        ("3cx", Extensions, 404, "", ApiNotFound),
        ("zoom-phone", Token, 400, r#"{"reason":"x","error":"invalid_client"}"#, InvalidClient),
        ("zoom-phone", Token, 400, r#"{"reason":"x","error":"invalid_request"}"#, InvalidRequest),
        (
            "zoom-phone",
            Extensions,
            400,
            r#"{"code":4711,"message":"Invalid access token, does not contain scopes:[x]"}"#,
            InsufficientScope,
        ),
        ("zoom-phone", Extensions, 400, ZOOM_SCOPE, InsufficientScope),
        ("zoom-phone", Extensions, 401, ZOOM_SCOPE, InsufficientScope),
        ("zoom-phone", Extensions, 400, r#"{"code":300,"message":"x"}"#, UnexpectedResponse),
        ("zoom-phone", Extensions, 401, r#"{"code":124,"message":"Invalid access token."}"#, TokenRejected),
        ("zoom-phone", Extensions, 429, r#"{"code":429}"#, RateLimited),
        ("ringcentral", Token, 400, r#"{"error":"invalid_grant"}"#, InvalidGrant),
        ("ringcentral", Token, 401, r#"{"error":"invalid_client"}"#, InvalidClient),
        (
            "ringcentral",
            Extensions,
            403,
            r#"{"errorCode":"InsufficientPermissions","errors":[{"errorCode":"CMN-401","permissionName":"ReadAccounts"}]}"#,
            InsufficientScope,
        ),
        (
            "ringcentral",
            Extensions,
            401,
            r#"{"errorCode":"InsufficientPermissions","errors":[{"errorCode":"CMN-401"}]}"#,
            InsufficientScope,
        ),
        (
            "ringcentral",
            Extensions,
            403,
            r#"{"errorCode":"InsufficientPermissions","errors":[{"errorCode":"CMN-408"}]}"#,
            AccessDenied,
        ),
        ("ringcentral", Extensions, 403, r#"{"errorCode":"InsufficientPermissions"}"#, AccessDenied),
        (
            "ringcentral",
            Extensions,
            403,
            r#"{"errorCode":"InsufficientPermissions","errors":[{"errorCode":"x"},{"errorCode":"CMN-401"}]}"#,
            InsufficientScope,
        ),
        ("ringcentral", Extensions, 401, r#"{"errorCode":"TokenInvalid"}"#, TokenRejected),
        ("ringcentral", Extensions, 403, "<html>", Forbidden),
        ("netsapiens", Token, 400, r#"{"error":"invalid_grant"}"#, InvalidGrant),
        ("netsapiens", Extensions, 401, "", TokenRejected),
        ("netsapiens", Extensions, 403, r#"{"code":403,"message":"x"}"#, Forbidden),
        ("portsip", Token, 401, "", InvalidGrant),
        ("zoom-phone", Token, 401, "{}", InvalidClient),
        ("portsip", Token, 400, r#"{"error":"invalid_grant"}"#, InvalidGrant),
        ("portsip", Extensions, 401, r#"{"code":"x"}"#, TokenRejected),
        ("yeastar", Token, 200, r#"{"errcode":60009,"errmsg":"x"}"#, UnexpectedResponse),
        ("yeastar", Token, 200, r#"{"errcode":40002,"errmsg":"PARAMETER ERROR"}"#, InvalidRequest),
        ("yeastar", Token, 200, r#"{"errcode":70087,"errmsg":"IP FORBIDDEN"}"#, Forbidden),
        ("yeastar", Extensions, 200, r#"{"errcode":10004,"errmsg":"TOKEN EXPIRED"}"#, TokenRejected),
        ("yeastar", Extensions, 200, r#"{"errcode":"10004","errmsg":"TOKEN EXPIRED"}"#, TokenRejected),
        ("yeastar", Extensions, 200, r#"{"errcode":10005,"errmsg":"ACCESS DENIED"}"#, AccessDenied),
        ("yeastar", Extensions, 200, r#"{"errcode":10009,"errmsg":"OPERATION FAILED"}"#, QueryFailed),
        ("yeastar", Extensions, 200, r#"{"errcode":10001,"errmsg":"INTERFACE NOT EXISTED"}"#, ApiNotFound),
        ("yeastar", Extensions, 200, r#"{"errcode":70123,"errmsg":"API UNAVAILABLE"}"#, ApiNotFound),
        ("yeastar", Extensions, 200, r#"{"errcode":70004,"errmsg":"ACCOUNT IP BLOCKED"}"#, Forbidden),
        ("yeastar", Extensions, 200, r#"{"errcode":70082,"errmsg":"x"}"#, ServerError),
        ("yeastar", Extensions, 200, r#"{"errcode":-2,"errmsg":"INTERNAL SERVER ERROR"}"#, ServerError),
        ("yeastar", Extensions, 200, r#"{"errcode":-1,"errmsg":"FAILURE"}"#, QueryFailed),
        ("yeastar", Extensions, 200, "{}", UnexpectedResponse),
        ("yeastar", Extensions, 200, "not json", UnexpectedResponse),
        ("8x8", Extensions, 401, "", TokenRejected),
        ("8x8", Extensions, 403, "", Forbidden),
        ("8x8", Extensions, 200, "<html>", UnexpectedResponse),
        ("8x8", Extensions, 200, "ready", UnexpectedResponse),
        ("8x8", Extensions, 204, "", UnexpectedResponse),
        ("wildix", Extensions, 401, r#"{"type":"error"}"#, TokenRejected),
        ("wildix", Extensions, 403, "", Forbidden),
        ("dialpad", Extensions, 401, "{}", TokenRejected),
        ("dialpad", Extensions, 403, r#"{"error":{"code":403}}"#, AccessDenied),
        ("dialpad", Extensions, 403, "<html>", Forbidden),
    ] {
        let target = of(name);
        let ctx = context(&target, operation, false);
        let failure = judge(&ctx, &answer(status, body)).unwrap_err();
        let said = say(&ctx, &failure);
        assert_eq!(failure.reason(), expected, "{name} {status} {body}: {said}");
        assert!(said.ends_with('.') && !said.contains("  ") && !said.contains(['{', '}']), "{name}: {said}");
        assert!(possible_reasons(&target, operation).contains(&expected), "{name} {expected}");
    }
}

#[test]
fn a_list_tells_its_total_and_its_extensions() {
    for (name, body, total, listed, next) in [
        (
            "3cx",
            r#"{"@odata.count":12,"value":[{"Number":"100","DisplayName":"A"}]}"#,
            Some(12),
            "100/A",
            None,
        ),
        (
            "zoom-phone",
            r#"{"total_records":2,"users":[{"extension_number":100,"name":"A"},{"extension_number":101}],"next_page_token":"n"}"#,
            Some(2),
            "100/A 101/",
            Some("n"),
        ),
        ("zoom-phone", r#"{"total_records":0,"users":[],"next_page_token":""}"#, Some(0), "", None),
        (
            "ringcentral",
            r#"{"records":[{"id":7,"extensionNumber":"101","name":"A"}],"paging":{"totalElements":1}}"#,
            Some(1),
            "101/A",
            None,
        ),
        ("netsapiens", r#"[{"user":"100"},{"user":"101"}]"#, Some(2), "100/ 101/", None),
        ("portsip", r#"{"count":1,"items":[{"extension_number":"1000"}]}"#, Some(1), "1000/", None),
        (
            "yeastar",
            r#"{"errcode":0,"errmsg":"SUCCESS","total_number":1,"data":[{"number":"1000","caller_id_name":"A"}]}"#,
            Some(1),
            "1000/A",
            None,
        ),
        (
            "wildix",
            r#"{"type":"result","result":{"records":[{"extension":"101","name":"A"}],"total":"1"}}"#,
            Some(1),
            "101/A",
            None,
        ),
        ("dialpad", r#"{"items":[{"id":5,"display_name":"A"}],"cursor":"c"}"#, Some(1), "5/A", Some("c")),
        ("dialpad", r#"{"items":[]}"#, Some(0), "", None),
    ] {
        let target = of(name);
        let ctx = context(&target, Operation::Extensions, false);
        let answer = answer(200, body);
        assert_eq!(read_list(&ctx, &answer).map(|list| list.total), Ok(total), "{name}");
        let page = read_extensions(&ctx, &answer, None).unwrap();
        assert_eq!(page.next.as_deref(), next, "{name}");
        let extensions = page.extensions.unwrap_or_else(|_| panic!("{name}"));
        let text =
            |e: &crate::domain::Extension| format!("{}/{}", e.id, e.name.as_deref().unwrap_or_default());
        assert_eq!(extensions.iter().map(text).collect::<Vec<_>>().join(" "), listed, "{name}");
    }
    let target = of("8x8");
    let ctx = context(&target, Operation::Extensions, false);
    assert_eq!(read_list(&ctx, &answer(200, "[]")).map(|list| list.total), Ok(None));
}

#[test]
fn a_full_page_is_no_total() {
    let users: Vec<_> = (0..100).map(|n| serde_json::json!({"user": n.to_string()})).collect();
    let target = of("netsapiens");
    assert!(counts_by_listing(&target));
    let ctx = context(&target, Operation::Extensions, false);
    let page = read_extensions(&ctx, &answer(200, serde_json::json!(users).to_string()), None).unwrap();
    assert_eq!((page.total, page.next.as_deref()), (None, Some("100")));
    let asked = |after| extensions_request(&target, after).url.to_string();
    assert!(asked(None).ends_with("/users?limit=100"));
    assert!(asked(Some("100")).ends_with("/users?limit=100&start=100"));
}

#[test]
fn two_ways_to_bar_an_address_have_two_mends() {
    let target = of("yeastar");
    for operation in [Operation::Token, Operation::Extensions] {
        let ctx = context(&target, operation, false);
        let said = |code: u32| {
            say(&ctx, &judge(&ctx, &answer(200, format!(r#"{{"errcode":{code}}}"#))).unwrap_err())
        };
        let (blocked, barred) = (said(70004), said(70087));
        assert!(blocked.contains("unblock the address under Security"), "{blocked}");
        assert!(barred.contains("add it to the addresses allowed for the API"), "{barred}");
        assert!(!blocked.contains("70087") && !barred.contains("70004"));
    }
}

#[test]
fn a_token_answer_is_read_as_its_platform_writes_it() {
    for (name, body, seconds) in [
        (
            "3cx",
            r#"{"token_type":"Bearer","expires_in":60,"access_token":"t","refresh_token":null}"#,
            Some(3600.0),
        ),
        ("3cx", r#"{"access_token":"t"}"#, Some(3600.0)),
        ("zoom-phone", r#"{"access_token":"t","expires_in":3600}"#, Some(3600.0)),
        ("yeastar", r#"{"errcode":0,"access_token":"t","access_token_expire_time":1800}"#, Some(1800.0)),
        ("yeastar", r#"{"errcode":0,"access_token":"t"}"#, Some(1800.0)),
    ] {
        let target = of(name);
        let standard = token_answer(&target, &answer(200, body)).unwrap();
        let standard: serde_json::Value = serde_json::from_slice(&standard).unwrap();
        assert_eq!(standard["access_token"], "t", "{name}");
        assert_eq!(standard["expires_in"].as_f64(), seconds, "{name}");
    }
    let refused = answer(200, r#"{"errcode":7,"access_token":"t"}"#);
    assert_eq!(token_answer(&of("yeastar"), &refused), None);
}

#[test]
fn a_bare_401_says_that_it_does_not_say() {
    let target = of("portsip");
    for (grant, reason, part) in [
        (Grant::Password, Reason::InvalidGrant, "user name, password, client id"),
        (Grant::RefreshToken, Reason::InvalidGrant, "client id, client secret or the refresh token"),
        (Grant::ClientCredentials, Reason::InvalidClient, "client id, client secret"),
    ] {
        let ctx = CallContext { grant, ..context(&target, Operation::Token, false) };
        let failure = token_failure(&ctx, &answer(401, "{}"));
        assert_eq!(failure.reason(), reason);
        let said = causes::explain(&target, Operation::Token, &failure);
        assert!(said.diagnosis().contains(part) && said.wrong.contains("without saying"));
        assert_eq!(said.certainty, Certainty::Open);
        let named = token_failure(&ctx, &answer(401, r#"{"error":"invalid_client"}"#));
        assert_ne!(causes::explain(&target, Operation::Token, &named).certainty, Certainty::Open);
    }
}

#[test]
fn a_bare_401_never_ends_a_refresh_token_that_a_person_would_have_to_replace() {
    for (grant, dead) in
        [(Grant::Password, true), (Grant::AuthorizationCode, false), (Grant::RefreshToken, false)]
    {
        let target = Target { platform: builtin("ringme").unwrap(), ..pbx(grant, Call::known("extensions")) };
        let ctx = CallContext { grant: Grant::RefreshToken, ..context(&target, Operation::Token, false) };
        let failure = token_failure(&ctx, &answer(401, r#"{"message":"Unauthorized"}"#));
        assert_eq!(refresh_refused_means_dead(&failure), dead, "{grant}");
        assert_eq!(failure.class(), Class::Refused);
        let said = say(&ctx, &failure);
        assert_eq!(said.contains("the refresh token is kept"), !dead, "{said}");
        let failure = token_failure(&ctx, &answer(401, r#"{"error":"invalid_grant"}"#));
        assert!(refresh_refused_means_dead(&failure), "{grant}");
    }
}

#[test]
fn an_answer_that_is_not_the_platforms_proves_no_token() {
    let target = of("yeastar");
    let token = context(&target, Operation::Token, false);
    for (body, said, class) in [
        (r#"{"hello":"world"}"#, "nothing at `/errcode`", Class::Denied),
        ("not json", "not JSON", Class::Transient),
    ] {
        let failure = token_failure(&token, &answer(200, body));
        assert_eq!((failure.reason(), failure.class()), (Reason::UnexpectedResponse, class), "{body}");
        assert!(say(&token, &failure).contains(said), "{failure:?}");
        let ctx = context(&target, Operation::Extensions, false);
        let listed = read_list(&ctx, &answer(200, body));
        assert!(listed.as_ref().is_err_and(|failure| say(&ctx, failure).contains(said)), "{listed:?}");
        assert!(!accepts_token(&listed));
    }
}

#[test]
fn whatever_may_refuse_the_credentials_is_not_repeated_at_the_pace_of_a_passing_trouble() {
    let target = of("portsip");
    let ctx = context(&target, Operation::Token, false);
    for (status, body, repeated) in [
        (422, r#"{"message":"bad password"}"#, false),
        (400, "", false),
        (402, "<html>", false),
        (451, "", false),
        (200, r#"{"status":"error","message":"bad password"}"#, false),
        (201, r#"{"access_token":"2j\u0410p"}"#, false),
        (200, "<html>", true),
        (404, "{}", true),
        (405, "{}", true),
        (407, "{}", true),
        (408, "{}", true),
        (500, "{}", true),
    ] {
        let failure = token_failure(&ctx, &answer(status, body));
        assert_eq!(failure.class() == Class::Transient, repeated, "{status} {body}");
    }
    assert_eq!(token_failure(&ctx, &answer(429, "{}")).class(), Class::RateLimited);
}

#[test]
fn a_token_is_called_unusable_only_where_its_letters_are() {
    let target = of("portsip");
    let said = |body: &'static str| {
        let ctx = context(&target, Operation::Token, false);
        say(&ctx, &token_failure(&ctx, &answer(200, body)))
    };
    assert!(said(r#"{"access_token":"2j\u0410p"}"#).contains("only look Latin"));
    for body in [r#"{"access_token":"good"}"#, r#"{"access_token":""}"#, r#"{"access_token":7}"#] {
        assert!(!said(body).contains("only look Latin"), "{body}");
    }
}

#[test]
fn a_rule_fits_only_where_its_reason_occurs() {
    let mut target = of("dialpad");
    let rule = r#"{"pointer":"/why","values":["no"],"reason":"access_denied"}"#;
    Arc::make_mut(&mut target.platform).rules.push(serde_json::from_str(rule).unwrap());
    let no = answer(400, r#"{"why":"no"}"#);
    let reason = |operation| judge(&context(&target, operation, false), &no).unwrap_err().reason();
    assert_eq!(reason(Operation::Extensions), Reason::AccessDenied);
    assert_eq!(reason(Operation::Token), Reason::UnexpectedResponse);
}

#[test]
fn headline_and_diagnosis_of_a_rule_agree() {
    for (name, status, body, title) in [
        ("ringme", 403, r#"{"status":"user_blocked"}"#, "blocked"),
        ("yeastar", 200, r#"{"errcode":70004}"#, "blocked"),
        ("yeastar", 200, r#"{"errcode":70087}"#, "not allowed"),
    ] {
        let target = of(name);
        let ctx = context(&target, Operation::Token, false);
        let answer = answer(status, body);
        let explain = |answer| {
            let failure = token_failure(&ctx, answer);
            assert_eq!(failure.reason(), Reason::Forbidden);
            causes::explain(&target, Operation::Token, &failure)
        };
        let (said, bare) = (explain(&answer), explain(&super::answer(403, "<html>")));
        assert!(said.title.contains(title) && said.certainty == Certainty::Certain, "{said:?}");
        assert_eq!(bare.certainty, Certainty::Open, "{name}");
        assert!(!said.avoid.is_empty() && said.because != bare.because && said.avoid != bare.avoid);
    }
}

#[test]
fn words_for_one_operation_are_not_said_of_another() {
    for (name, status, body, wrong) in [
        ("ringme", 404, "{}", "@me"),
        ("3cx", 403, "", "role too low"),
        ("ringme", 429, "{}", "applications and users"),
    ] {
        let target = of(name);
        let ctx = context(&target, Operation::Token, false);
        let failure = token_failure(&ctx, &answer(status, body));
        assert!(!say(&ctx, &failure).contains(wrong), "{failure:?}");
        let own = |operation| causes::explain(&target, operation, &failure).title;
        assert!(status == 429 || own(Operation::Token) != own(Operation::Extensions), "{name}");
    }
    let target = Target {
        platform: builtin("ringcentral").unwrap(),
        ..pbx(Grant::RefreshToken, Call::known("extensions"))
    };
    let ctx = context(&target, Operation::Token, false);
    let failure = token_failure(&ctx, &answer(400, r#"{"error":"invalid_grant"}"#));
    let said = say(&ctx, &failure);
    assert!(said.contains("refresh token") && !said.contains("JWT"), "{said}");
}

#[test]
fn a_refusal_without_a_known_meaning_waits_as_one() {
    let target = of("yeastar");
    let ctx = context(&target, Operation::Token, false);
    let failure = token_failure(&ctx, &answer(200, r#"{"errcode":60009}"#));
    assert_eq!((failure.reason(), failure.class()), (Reason::UnexpectedResponse, Class::Denied));
}

#[test]
fn where_one_token_lives_or_a_key_is_fixed_nothing_else_is_taken() {
    let live = |name: &str| of(name).platform.token.as_ref().is_some_and(|token| token.one_live_token);
    let those: Vec<_> = names().filter(|name| live(name)).collect();
    assert_eq!(those, ["3cx", "zoom-phone", "ringcentral"]);
    let json: Vec<_> = names()
        .filter(|name| {
            of(name).platform.token.as_ref().is_some_and(|token| token.request == BodyFormat::Json)
        })
        .collect();
    assert_eq!(json, ["yeastar"]);
    for name in ["8x8", "wildix", "dialpad"] {
        assert_eq!(of(name).platform.grants.served().collect::<Vec<_>>(), [Grant::Static], "{name}");
    }
    // No refresh token is kept where the grant can be repeated without a person.
    assert_eq!(of("ringcentral").grants(), [Grant::ClientCredentials]);
    assert_eq!(of("portsip").grants(), [Grant::Password, Grant::RefreshToken]);
}
