//! Each cause has an answer that leads to it.

use std::collections::BTreeSet;

use super::*;
use crate::domain::Garbled;
use crate::domain::tls_fault::{ClientCertificate, TlsFault, Whose};

fn targets() -> Vec<Target> {
    let calls = [
        "/my/own",
        "/admin/api/api/gql",
        "/admin/api/api/rest/x/y",
        "/admin/api/api/rest/",
        "/admin/ajax.php",
    ];
    let calls = calls.map(Called::Path).into_iter().chain([Called::Graphql, Called::Rest]);
    let mut all: Vec<_> = calls.map(|call| pbx(Grant::ClientCredentials, call.call())).collect();
    let mut plain = all[5].clone();
    plain.origin = Url::parse("http://pbx.example.com").unwrap();
    plain.client.proxy = Some(ProxySettings {
        url: Url::parse("http://proxy.example.com").unwrap(),
        credentials: None,
        no_proxy: None,
    });
    all.push(plain);
    all.push(pbx(Grant::Password, Call::known("graphql")));
    all.push(pbx(Grant::AuthorizationCode, Call::known("graphql")));
    let mut asks = pbx(Grant::ClientCredentials, Call::known("graphql"));
    asks.auth.scopes = vec!["gql:core:read".into(), "extensions:read".into()];
    all.push(asks);
    for name in ["ringme", "yeastar", "ringcentral", "zoom-phone", "8x8", "dialpad", "portsip"] {
        let platform = builtin(name).unwrap();
        let grant = platform.grants.served().next().unwrap();
        let call = Call::known(&platform.calls[0].name);
        all.push(Target { platform, version: true, ..pbx(grant, call) });
    }
    all
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn answers() -> Vec<Answer> {
    let mut all: Vec<_> = fixtures::all().map(Fixture::answer).collect();
    let bodies = [
        "",
        "{}",
        "<html>",
        "x",
        r#"{"error":"invalid_client"}"#,
        r#"{"error":"invalid_grant"}"#,
        r#"{"error":"invalid_scope"}"#,
        r#"{"error":"invalid_scope","hint":"Check the `gql:core:read` scope"}"#,
        r#"{"error":"invalid_request"}"#,
        r#"{"error":"invalid_request","hint":"Check the `client_id` parameter"}"#,
        r#"{"error":"invalid_request","hint":"Check the `code` parameter"}"#,
        r#"{"error":"unauthorized_client"}"#,
        r#"{"error":"unsupported_grant_type"}"#,
        r#"{"error":"server_error"}"#,
        r#"{"error":"access_denied"}"#,
        r#"{"error":"access_denied","hint":"Access token is invalid"}"#,
        r#"{"error":"access_denied","hint":"Access token could not be verified"}"#,
        r#"{"error":"access_denied","hint":"Access token has been revoked"}"#,
        r#"{"error":"access_denied","hint":"Missing \"Authorization\" header"}"#,
        r#"{"error":"invalid_request","message":"The refresh token is invalid.","hint":"Token has expired"}"#,
        r#"{"error":"invalid_request","message":"The refresh token is invalid.","hint":"Token has been revoked"}"#,
        r#"{"error":"invalid_request","message":"The refresh token is invalid.","hint":"Cannot decrypt the refresh token"}"#,
        r#"{"error":"invalid_request","message":"The refresh token is invalid.","hint":"Token is not linked to client"}"#,
        r#"{"error":"invalid_request","hint":"Authorization code has expired"}"#,
        r#"{"error":"ajaxRequest declined"}"#,
        r#"{"error":"ajaxRequest declined - Referrer"}"#,
        r#"{"error":"ajaxRequest declined - Permissions"}"#,
        r#"{"error":"ajaxRequest not found"}"#,
        r#"{"error":"Not Authenticated"}"#,
        r#"{"error":"Unknown Error"}"#,
        r#"{"error":{"type":"Exception","message":"Module requested invalid"}}"#,
        r#"{"error":{"type":"Exception","message":"Attempted to load Api with"}}"#,
        r#"{"error":{"type":"Exception","message":"Attempted to load Userman with"}}"#,
        r#"{"error":{"type":"Exception","message":"Attempted to load ;; with"}}"#,
        r#"{"error":{"type":"League\\OAuthServerException","message":"x","code":9}}"#,
        r#"{"error":{"type":"TypeError","message":"x addScope() y"}}"#,
        r#"{"error":{"type":"LogicException","message":"Key file x"}}"#,
        r#"{"error":{"type":"LogicException","message":"Invalid key supplied"}}"#,
        r#"{"error":{"type":"Slim\\Exception\\HttpMethodNotAllowedException","message":"x"}}"#,
        r#"{"error":{"type":"Slim\\Exception\\HttpNotFoundException","message":"x"}}"#,
        r#"{"error":{"type":"ArgumentCountError","message":"Slim\\App::__construct() x"}}"#,
        r#"{"error":{"type":"GraphQL\\Server\\RequestError","message":"x"}}"#,
        r#"{"error":{"type":"PDOException","message":"x"}}"#,
        r#"{"error":{"type":"odd","message":"x"}}"#,
        r#"{"message":"Slim Application Error"}"#,
        r#"{"message":"Not found"}"#,
        r#"{"message":"Method not allowed. Must be one of: POST"}"#,
        "<p>The plain HTTP request was sent to HTTPS port</p>",
        r#"{"status":false,"message":"unauthorized"}"#,
        r#"{"status":false,"message":"x"}"#,
        r#"{"data":{"fetchAllExtensions":null}}"#,
        r#"{"data":{"fetchAllExtensions":{"status":false,"message":"x"}}}"#,
        r#"{"data":{"fetchAllExtensions":{}}}"#,
        r#"{"data":{"x":null}}"#,
        r#"{"errors":[{"message":"Cannot query field x on type \"Query\""}]}"#,
        r#"{"errors":[{"message":"Cannot query field x on type \"Y\""}]}"#,
        r#"{"errors":[{"message":"Internal server error"}]}"#,
        r#"{"errors":[{"message":"x","status":false}]}"#,
        r#"{"errors":[{"message":"x"}]}"#,
        r#"{"errcode":0}"#,
        r#"{"errcode":7}"#,
        r#"{"errcode":10001}"#,
        r#"{"errcode":10004}"#,
        r#"{"errcode":10005}"#,
        r#"{"errcode":70004}"#,
        r#"{"errcode":70087}"#,
        r#"{"errcode":70082}"#,
        r#"{"errcode":40001}"#,
        r#"{"errcode":-1}"#,
        r#"{"errcode":-2}"#,
        r#"{"errcode":70123}"#,
        r#"{"status":"user_blocked"}"#,
        r#"{"error":"login_failed"}"#,
        r#"{"code":4711}"#,
        r#"{"code":124}"#,
        r#"{"errorCode":"X","errors":[{"errorCode":"CMN-401"}]}"#,
        r#"{"errorCode":"X","errors":[{"errorCode":"CMN-408"}]}"#,
        r#"{"errorCode":"InsufficientPermissions"}"#,
        r#"{"errorCode":"CMN-301"}"#,
        r#"{"access_token":"a\u0410"}"#,
        r#"{"access_token":"a"}"#,
        "[]",
    ];
    for status in [200, 302, 400, 401, 403, 404, 405, 407, 418, 429, 500, 502] {
        for body in bodies {
            all.push(answer(status, body));
        }
        for challenge in ["Basic", "Bearer error=\"invalid_token\"", "Bearer error=\"insufficient_scope\""] {
            let mut answer = answer(status, "");
            answer.headers.insert("www-authenticate", HeaderValue::from_static(challenge));
            answer.headers.insert("retry-after", HeaderValue::from_static("7"));
            all.push(answer);
        }
    }
    all
}

/// What follows from one answer, follow-up questions included.
fn causes_of(ctx: &CallContext, answer: &Answer, found: &mut BTreeSet<String>) {
    let mut note = |failure: &Failure| {
        // Behind a rule stand the general words.
        if let Cause::Rule(matched) = &failure.cause {
            found.insert(matched.general.name().into_owned());
        }
        found.insert(failure.cause.name().into_owned());
    };
    if ctx.operation == Operation::Token
        && ctx.is_freepbx()
        && let Presence::Absent(failure) = read_presence(ctx, answer)
    {
        note(&failure);
    }
    let Err(failure) = judge(ctx, answer) else { return };
    note(&failure);
    if wants_scope_check(ctx, answer).is_some() {
        note(&after_scope_check(failure.clone(), Err(answer)));
        note(&after_scope_check(failure.clone(), Ok(())));
    }
    if wants_validity_check(ctx, &failure) {
        note(&after_validity_check(ctx, failure.clone(), Validity::Accepted));
        note(&after_validity_check(ctx, failure, Validity::Rejected));
    }
}

fn transport_errors() -> Vec<TransportError> {
    let timeout = |phase| TransportError::Timeout { limit: Duration::from_secs(10), phase };
    [
        timeout(Phase::Connect),
        timeout(Phase::Processing),
        timeout(Phase::Transfer),
        TransportError::Dns("no".into()),
        TransportError::Proxy("no".into()),
        TransportError::Connect("no".into()),
        TransportError::Resolver("silent".into()),
        TransportError::Here("permission denied".into()),
        TransportError::Garbled(Garbled::Length),
        TransportError::ConnectionLost("closed".into()),
        TransportError::TooLarge(9),
        TransportError::RedirectElsewhere("https://x.example.com".into()),
        TransportError::RedirectLoop,
        TransportError::Exporter("no".into()),
    ]
    .into_iter()
    .chain([407, 403, 503, 400].map(TransportError::Tunnel))
    .chain(tls_faults().into_iter().map(TransportError::Tls))
    .collect()
}

fn tls_faults() -> Vec<TlsFault> {
    use ClientCertificate as Client;
    let (name, whose) = (|| "pbx.example.com".to_owned(), || Whose::Intermediate("CN=A CA".to_owned()));
    let not_yet = |now| TlsFault::NotYetValid { whose: Whose::Server, from: u64::MAX, now };
    vec![
        TlsFault::Expired(Whose::Server, 0),
        TlsFault::Expired(whose(), 0),
        not_yet(0),
        not_yet(u64::MAX - 1),
        TlsFault::SelfSigned,
        TlsFault::UnknownAuthority(name()),
        TlsFault::MissingIntermediate { subject: name(), issuer: name() },
        TlsFault::WrongName { asked: name(), names: vec![name()] },
        TlsFault::NoAltName(name()),
        TlsFault::WeakKey(Whose::Server, "RSA of 1024 bits".to_owned()),
        TlsFault::WeakSignature(Whose::Server, "SHA-1"),
        TlsFault::NotItsAuthority,
        TlsFault::WrongUse,
        TlsFault::Revoked,
        TlsFault::NoRoots,
        TlsFault::NotTls,
        TlsFault::Version,
        TlsFault::Ciphers,
        TlsFault::UnrecognisedName,
        TlsFault::Lost("closed".to_owned()),
        TlsFault::Misbehaved,
    ]
    .into_iter()
    .chain(
        [
            Client::Missing,
            Client::Expired,
            Client::Revoked,
            Client::UnknownAuthority,
            Client::Denied,
            Client::Refused,
        ]
        .map(TlsFault::ClientCertificate),
    )
    .collect()
}

/// Those of a confirmation are met in `oauth::person`; those of this machine in `tests/it` where it fails: schedule, token, storage, service
/// and the transcripts of `diagnose`.
#[test]
fn each_cause_has_an_answer_that_leads_to_it() {
    let (answers, mut found) = (answers(), BTreeSet::new());
    let (all, rest) = (["gql:core".to_owned(), "rest".to_owned()], ["rest".to_owned()]);
    let seen: [(Option<&[String]>, bool, bool); 5] = [
        (None, false, false),
        (None, true, false),
        (Some(&[]), true, true),
        (Some(&all), true, false),
        (Some(&rest), true, false),
    ];
    for target in targets() {
        for operation in Operation::ALL {
            let (token, freepbx) = (operation == Operation::Token, target.is_freepbx());
            for grant in [target.auth.grant, Grant::RefreshToken].into_iter().take(1 + usize::from(token)) {
                let of_use = if token {
                    1
                } else if freepbx {
                    5
                } else {
                    2
                };
                for (scopes, fresh, clock_agrees) in seen.into_iter().take(of_use) {
                    let ctx = CallContext { target: &target, operation, grant, fresh, scopes, clock_agrees };
                    for answer in &answers {
                        causes_of(&ctx, answer, &mut found);
                    }
                }
                for error in transport_errors() {
                    for lately in [false, true] {
                        let ctx = CallContext { grant, ..context(&target, operation, true) };
                        found.insert(transport_failure(&ctx, &error, lately).cause.name().into_owned());
                    }
                }
            }
        }
    }
    let elsewhere = |cause: &Cause| matches!(cause, Cause::Local(_) | Cause::Person(..));
    let all = Cause::samples().into_iter().filter(|cause| !elsewhere(cause));
    let missing: Vec<_> = all.map(|cause| cause.name()).filter(|name| !found.contains(&**name)).collect();
    assert_eq!(missing, [""; 0], "of {}", found.len());
}
