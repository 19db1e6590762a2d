//! Follow-up questions, silence, and the requests themselves.

use super::*;
use crate::domain::cause::Freepbx;
use crate::domain::tls_fault::{TlsFault, Whose};

#[test]
fn the_scope_check_tells_sixteens_two_hidden_causes_apart() {
    let hidden = fixtures::find("hidden crash at the token endpoint", fixtures::Generation::V16).answer();
    let refused = answer(400, r#"{"error":"invalid_scope"}"#);
    let mut target = pbx(Grant::ClientCredentials, Call::known("rest"));
    let ctx = context(&target, Operation::Token, false);
    assert_eq!(wants_scope_check(&ctx, &hidden), Some("rest:core:read:users"));
    assert_eq!(wants_scope_check(&ctx, &answer(500, "<html>other</html>")), None);
    assert_eq!(wants_scope_check(&ctx, &refused), None);

    let renewal = CallContext { grant: Grant::RefreshToken, ..ctx };
    assert_eq!(wants_scope_check(&renewal, &hidden), None);

    let after = |second| after_scope_check(token_failure(&ctx, &hidden), second).reason();
    assert_eq!(after(Ok(())), Reason::InvalidScope);
    assert_eq!(after(Err(&refused)), Reason::InvalidScope);
    assert_eq!(after(Err(&hidden)), Reason::ServerError);
    let alike = after_scope_check(token_failure(&ctx, &hidden), Err(&hidden));
    let alike = say(&ctx, &alike);
    assert!(alike.contains("Allowed Scopes") && alike.contains("the scopes are the least likely"), "{alike}");
    assert_eq!(after(Err(&answer(401, r#"{"error":"invalid_client"}"#))), Reason::ServerError);

    target.auth.scopes = vec!["gql".into()];
    assert_eq!(wants_scope_check(&context(&target, Operation::Token, false), &hidden), None);
}

#[test]
fn validity_is_asked_only_where_the_answer_leaves_it_open() {
    let graphql = pbx(Grant::ClientCredentials, Call::known("graphql"));
    let custom = pbx(Grant::ClientCredentials, Called::Path("/my/own").call());
    let open = |target: &Target, operation, reason| {
        wants_validity_check(&context(target, operation, false), &Failure::with(reason))
    };
    for reason in Reason::ALL {
        let unknown = matches!(reason, Reason::ServerError | Reason::UnexpectedResponse);
        assert_eq!(open(&graphql, Operation::Extensions, reason), unknown, "{reason}");
        let on_custom = unknown || reason == Reason::Forbidden;
        assert_eq!(open(&custom, Operation::Extensions, reason), on_custom, "{reason}");
        assert!(!open(&graphql, Operation::Token, reason), "{reason}");
    }
}

#[test]
fn validity_is_read_from_the_apis_own_words_alone() {
    use fixtures::{Generation, find};
    let known = |name, generation| read_validity(&find(name, generation).answer());
    assert_eq!(read_validity(&answer(200, r#"{"data":{"__typename":"Query"}}"#)), Validity::Accepted);
    assert_eq!(known("token revoked", Generation::V16), Validity::Rejected);
    assert_eq!(known("token revoked", Generation::V17), Validity::Rejected);
    let denied = r#"{"error":"access_denied","message":"x"}"#;
    assert_eq!(read_validity(&answer(401, denied)), Validity::Rejected);
    assert_eq!(read_validity(&answer(403, denied)), Validity::Unclear);
    assert_eq!(read_validity(&answer(500, r#"{"data":{"__typename":"Query"}}"#)), Validity::Unclear);
    let is_rejected =
        |fixture: &&Fixture| judge_fixture(fixture).is_err_and(|f| f.reason() == Reason::TokenRejected);
    for fixture in fixtures::all().filter(|fixture| !is_rejected(fixture)) {
        assert_eq!(read_validity(&fixture.answer()), Validity::Unclear, "{}", fixture.name);
    }
}

#[test]
fn the_validity_refines_what_is_said() {
    let target = pbx(Grant::ClientCredentials, Called::Path("/my/own").call());
    let ctx = context(&target, Operation::Extensions, true);
    let first = || read_list(&ctx, &answer(401, "")).unwrap_err();
    let rejected = after_validity_check(&ctx, first(), Validity::Rejected);
    let accepted = after_validity_check(&ctx, first(), Validity::Accepted);
    assert_eq!(rejected.reason(), Reason::TokenRejected);
    assert_eq!(accepted.reason(), Reason::UnexpectedResponse);
    let said = say(&ctx, &accepted);
    assert!(said.starts_with("GraphQL accepts the token"), "{said}");
    assert_eq!(after_validity_check(&ctx, first(), Validity::Unclear), first());
    for (called, rewrite) in [
        (Called::Graphql, true),
        (Called::Path("/admin/api/api/gql"), true),
        (Called::Rest, false),
        (Called::Path("/my/own"), false),
    ] {
        let target = pbx(Grant::ClientCredentials, called.call());
        let ctx = context(&target, Operation::Extensions, true);
        let said = after_validity_check(&ctx, Failure::new(Freepbx::DispatcherFailed), Validity::Accepted);
        let said = say(&ctx, &said);
        assert_eq!(said.contains("rewrite are good"), rewrite, "{said}");
        assert!(said.contains("itself fails. FreePBX"), "{said}");
    }
}

#[test]
fn which_outcomes_prove_that_the_token_was_accepted() {
    assert!(accepts_token(&Ok(Listing::default())));
    for reason in Reason::ALL {
        let proves = ["insufficient_scope", "query_failed", "access_denied", "user_blocked"]
            .contains(&reason.as_str());
        assert_eq!(accepts_token(&Err(Failure::with(reason))), proves, "{reason}");
    }
}

#[test]
fn a_refused_refresh_calls_for_a_new_grant_unless_the_client_is_refused() {
    let calls = |reason: &Reason| refresh_refused_means_dead(&Failure::with(*reason));
    let calling: Vec<_> = Reason::ALL.into_iter().filter(calls).map(Reason::as_str).collect();
    let refused = ["invalid_grant", "invalid_scope", "unauthorized_client", "invalid_request"];
    assert_eq!(calling, [&refused[..], &["authorization_required", "token_rejected"]].concat());
}

#[test]
fn silence_after_refusals_is_called_a_likely_ban() {
    let target = pbx(Grant::ClientCredentials, Call::known("graphql"));
    let ctx = context(&target, Operation::Token, false);
    let timeout = |phase| TransportError::Timeout { limit: Duration::from_secs(10), phase };
    let said = |error: &TransportError, after| say(&ctx, &transport_failure(&ctx, error, after));
    let (likely, possible) = ("has probably banned", "a ban of this exporter's address is possible, too");
    for (error, ban) in [
        (timeout(Phase::Connect), likely),
        (TransportError::Connect("refused".into()), likely),
        (timeout(Phase::Tls), possible),
        (timeout(Phase::Processing), possible),
        (timeout(Phase::Transfer), possible),
        (timeout(Phase::Resolve), ""),
        (TransportError::Dns("no such host".into()), ""),
        (TransportError::Tls(TlsFault::SelfSigned), ""),
        (TransportError::ConnectionLost("closed".into()), ""),
        (TransportError::RedirectLoop, ""),
    ] {
        let (after, usual) = (said(&error, true), said(&error, false));
        assert!(after.contains(ban) && !usual.contains("fail2ban"), "{error}: {after}");
        assert_eq!(after.starts_with(&*usual), ban != likely, "the usual fix stays: {after}");
        assert_eq!(after == usual, ban.is_empty(), "{after}");
        assert_eq!(transport_failure(&ctx, &error, true).reason(), error.reason());
    }
}

#[test]
fn what_fails_at_a_token_endpoint_elsewhere_is_not_blamed_on_the_targets_url() {
    let mut target = pbx(Grant::ClientCredentials, Call::known("graphql"));
    target.auth.origin = Some(Url::parse("http://login.example.com").unwrap());
    let errors = [
        TransportError::Dns("no such host".into()),
        TransportError::Tls(TlsFault::NotTls),
        TransportError::Tls(TlsFault::Expired(Whose::Server, 0)),
        TransportError::RedirectElsewhere("https://x.example.com".into()),
        TransportError::RedirectLoop,
        TransportError::ConnectionLost("closed".into()),
        TransportError::Timeout { limit: Duration::from_secs(10), phase: Phase::Connect },
    ];
    for (operation, host, wants_https) in
        [(Operation::Token, "login.example.com", true), (Operation::Extensions, "pbx.example.com", false)]
    {
        let ctx = context(&target, operation, false);
        let token = operation == Operation::Token;
        for error in &errors {
            let said = say(&ctx, &transport_failure(&ctx, error, true));
            assert!(said.starts_with(&format!("No usable answer from {host} for")), "{said}");
            assert!(!said.contains("the target's url") || !token, "{said}");
            assert!(!said.contains("`auth.url`") || token, "{said}");
            assert!(!said.contains("banned"), "refused was perhaps at the other host: {said}");
            let lost = matches!(error, TransportError::ConnectionLost(_));
            assert_eq!(said.contains("expects https"), lost && wants_https, "{said}");
        }
        for status in [200, 302, 404] {
            let said = say(&ctx, &judge(&ctx, &answer(status, "<html>")).unwrap_err());
            assert!(!said.contains("the target's url") || !token, "{said}");
        }
    }
    target.platform = builtin("ringme").unwrap();
    let ctx = context(&target, Operation::Token, false);
    for status in [200, 302, 404, 418] {
        let said = say(&ctx, &token_failure(&ctx, &answer(status, "<html>")));
        assert!(said.contains("`auth.url`"), "{status}: {said}");
    }
}

#[test]
fn words_of_one_platform_are_said_of_no_other() {
    let timeout = |phase| TransportError::Timeout { limit: Duration::from_secs(10), phase };
    let errors = [
        timeout(Phase::Processing),
        timeout(Phase::Connect),
        timeout(Phase::Transfer),
        TransportError::TooLarge(9),
    ];
    for name in names() {
        let mut target = pbx(Grant::ClientCredentials, Call::known("graphql"));
        target.platform = builtin(name).unwrap();
        for (operation, error) in Operation::ALL.into_iter().flat_map(|o| errors.iter().map(move |e| (o, e)))
        {
            let ctx = context(&target, operation, false);
            let said = say(&ctx, &transport_failure(&ctx, error, false));
            let words =
                ["MariaDB", "PHP", "graphql", "GraphQL"].into_iter().filter(|word| said.contains(word));
            let freepbx = name == "freepbx"
                && (*error == timeout(Phase::Processing)
                    || matches!(error, TransportError::TooLarge(_)) && operation != Operation::Token);
            assert_eq!(words.count() > 0, freepbx, "{name}: {said}");
        }
    }
}

#[test]
fn http_and_https_taken_for_each_other_are_called_so() {
    let https = pbx(Grant::ClientCredentials, Call::known("graphql"));
    let mut http = https.clone();
    http.origin = Url::parse("http://pbx.example.com:443").unwrap();
    for name in ["plain HTTP to Apache's https port", "plain HTTP to nginx's https port"] {
        let refusal = fixtures::find(name, fixtures::Generation::V17).answer();
        let said = |target| {
            let ctx = context(target, Operation::Token, false);
            say(&ctx, &token_failure(&ctx, &refusal))
        };
        assert!(said(&http).contains("wants https: change the target's url"), "{}", said(&http));
        assert!(said(&https).contains("something in front"), "{}", said(&https));
    }
    let ctx = context(&https, Operation::Token, false);
    let said = |fault| say(&ctx, &transport_failure(&ctx, &TransportError::Tls(fault), false));
    assert!(said(TlsFault::NotTls).contains("This port does not speak TLS"));
    assert!(!said(TlsFault::NotTls).contains("Renew"));
    assert!(said(TlsFault::Expired(Whose::Server, 0)).contains("Renew"));
}

#[test]
fn requests_are_small_read_only_and_carry_the_targets_headers() {
    let mut target = pbx(Grant::ClientCredentials, Call::known("graphql"));
    target.headers.insert("x-extra", HeaderValue::from_static("1"));
    let list = list_request(&target);
    assert_eq!((list.method.as_str(), list.url.path()), ("POST", "/admin/api/api/gql"));
    assert_eq!(list.headers["content-type"], "application/json");
    assert_eq!(
        &list.body[..],
        br#"{"query":"query { fetchAllExtensions(first: 1) { status message totalCount } }"}"#
    );
    target.call = Call::known("rest");
    let rest = list_request(&target);
    assert_eq!((rest.method.as_str(), rest.url.path()), ("GET", "/admin/api/api/rest/core/users"));
    for request in [list, rest, validity_request(&target).unwrap(), version_request(&target).unwrap()] {
        assert_eq!(request.headers["x-extra"], "1");
        assert!(!request.headers.contains_key("authorization") && request.last);
        assert!(!String::from_utf8_lossy(&request.body).contains("mutation"));
    }
}

#[test]
fn a_scope_for_rest_is_pointed_out_where_graphql_lacks_one() {
    let missing = fixtures::find("scope missing", fixtures::Generation::V17).answer();
    for (call, scope, told) in [
        ("graphql", "rest", true),
        ("graphql", "rest:core:read:users", true),
        ("graphql", "rest:framework", false),
    ] {
        let target = pbx(Grant::ClientCredentials, Call::known(call));
        let scopes = [scope.to_owned()];
        let ctx = CallContext { scopes: Some(&scopes), ..context(&target, Operation::Extensions, true) };
        let said = say(&ctx, &read_list(&ctx, &missing).unwrap_err());
        assert_eq!(said.contains("Or set `call: rest`"), told, "{scope}: {said}");
    }
}

#[test]
fn allowed_scopes_are_not_blamed_where_the_token_names_one_that_covers_the_call() {
    let missing = fixtures::find("scope missing", fixtures::Generation::V17).answer();
    let target = pbx(Grant::ClientCredentials, Call::known("graphql"));
    for (scope, covers) in [
        ("gql", true),
        ("gql:core", true),
        ("gql:core:read", true),
        ("gql:core:read:extension", false),
        ("gql:cor", false),
        ("rest", false),
    ] {
        let scopes = ["rest:core".to_owned(), scope.to_owned()];
        let ctx = CallContext { scopes: Some(&scopes), ..context(&target, Operation::Extensions, true) };
        let failure = read_list(&ctx, &missing).unwrap_err();
        assert_eq!(failure.reason(), Reason::InsufficientScope);
        let said = say(&ctx, &failure);
        assert_eq!(said.contains("hardly the cause"), covers, "{scope}: {said}");
        assert_eq!(said.contains("it lacks the scope"), !covers, "{scope}");
        assert!(said.contains("Or set `call: rest`"), "{said}");
    }
}

#[test]
fn a_token_without_any_scope_is_named_as_such() {
    let target = pbx(Grant::ClientCredentials, Call::known("graphql"));
    let missing = fixtures::find("scope missing", fixtures::Generation::V17).answer();
    let canary = ["canary".to_owned()];
    let said = |scopes| {
        let ctx = CallContext { scopes, ..context(&target, Operation::Extensions, true) };
        say(&ctx, &read_list(&ctx, &missing).unwrap_err())
    };
    assert!(said(Some(&[])).contains("names no scope at all"));
    assert!(!said(Some(&canary)).contains("canary"));
    assert!(!said(None).contains("names no scope at all"));
}
