//! The simulator lives as FreePBX does, and the classifier understands it.

mod likeness;
mod ringme;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Url;

use super::fixtures::Called;
use super::target::{MACHINE_ID, NATIVE_ID, PASSWORD, SECRET, USER, target};
use super::{Fault, Generation, SimAnswer, SimPbx, SimRequest, SimServer, SimTransport, Simulated, fixtures};
use crate::answers::Table;
use crate::clock::Clock;
use crate::domain::target::ClientSettings;
use crate::domain::{Answer, Failure, Grant, Listing, Operation, Reason, Request, Target, TransportError};
use crate::platform::{self, CallContext, Validity};
use crate::transport::{Limits, Transport};

use Generation::{V16, V17, V17_0_1};

/// 2026-11-21.
const NOW: f64 = 1_795_290_298.25;

fn origin() -> Url {
    Url::parse("http://pbx.example.com").unwrap()
}

fn pbx(generation: Generation) -> SimPbx {
    SimPbx::new(generation, Clock::steered(NOW))
}

fn plain(answer: SimAnswer) -> Answer {
    Answer { status: answer.status, headers: answer.headers, body: answer.body }
}

const FORM: &str = "application/x-www-form-urlencoded";

fn post(pbx: &SimPbx, form: &[(&str, &str)]) -> Answer {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    post_as(pbx, FORM, None, body)
}

/// A token request of this content type, with HTTP Basic where given.
fn post_as(pbx: &SimPbx, content_type: &'static str, basic: Option<(&str, &str)>, body: String) -> Answer {
    use base64::Engine as _;
    let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
    if let Some((id, secret)) = basic {
        let credentials = base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}"));
        headers.insert(AUTHORIZATION, HeaderValue::try_from(format!("Basic {credentials}")).unwrap());
    }
    let path_and_query = "/admin/api/api/token".into();
    plain(pbx.answer(&SimRequest { method: Method::POST, path_and_query, headers, body: body.into() }))
}

fn machine(pbx: &SimPbx, scope: &str) -> Answer {
    let mut form =
        vec![("grant_type", "client_credentials"), ("client_id", MACHINE_ID), ("client_secret", SECRET)];
    form.extend((!scope.is_empty()).then_some(("scope", scope)));
    post(pbx, &form)
}

fn native(pbx: &SimPbx, password: &str) -> Answer {
    let client = [("client_id", NATIVE_ID), ("client_secret", SECRET)];
    post(
        pbx,
        &[&client[..], &[("grant_type", "password"), ("username", USER), ("password", password)]].concat(),
    )
}

fn refresh(pbx: &SimPbx, token: &str) -> Answer {
    let client = [("client_id", NATIVE_ID), ("client_secret", SECRET)];
    post(pbx, &[&client[..], &[("grant_type", "refresh_token"), ("refresh_token", token)]].concat())
}

fn member(answer: &Answer, name: &str) -> Option<String> {
    let json: Value = serde_json::from_slice(&answer.body).ok()?;
    Some(json.get(name)?.as_str()?.to_owned())
}

fn token(answer: &Answer) -> String {
    member(answer, "access_token").unwrap_or_else(|| panic!("no token: {answer:?}"))
}

fn with_token(mut request: Request, token: &str) -> SimRequest {
    request.headers.insert(AUTHORIZATION, HeaderValue::try_from(format!("Bearer {token}")).unwrap());
    let path_and_query = request.url[url::Position::BeforePath..].to_owned();
    SimRequest { method: request.method, path_and_query, headers: request.headers, body: request.body }
}

fn watcher(called: Called) -> Target {
    target("pbx", &origin(), Grant::ClientCredentials, called.call())
}

fn context(target: &Target, operation: Operation) -> CallContext<'_> {
    CallContext {
        target,
        operation,
        grant: Grant::ClientCredentials,
        fresh: true,
        scopes: None,
        clock_agrees: false,
    }
}

fn list(pbx: &SimPbx, called: Called, token: &str) -> Result<Listing, Failure> {
    let target = watcher(called);
    let answer = plain(pbx.answer(&with_token(platform::list_request(&target), token)));
    platform::read_list(&context(&target, Operation::Extensions), &answer)
}

fn list_reason(pbx: &SimPbx, called: Called, token: &str) -> Option<Reason> {
    list(pbx, called, token).err().map(|failure| failure.reason())
}

fn token_reason(answer: &Answer, grant: Grant) -> Option<Reason> {
    let target = watcher(Called::Graphql);
    let ctx = CallContext { grant, ..context(&target, Operation::Token) };
    member(answer, "access_token").is_none().then(|| platform::token_failure(&ctx, answer).reason())
}

#[tokio::test]
async fn a_healthy_pbx_gives_tokens_and_lists() {
    for generation in Generation::ALL {
        let pbx = pbx(generation);
        pbx.set_extensions(12);
        let good = token(&machine(&pbx, ""));
        assert_eq!(list(&pbx, Called::Graphql, &good), Ok(Listing { total: Some(12) }));
        let rest = list(&pbx, Called::Rest, &good).map_err(|failure| failure.reason());
        let expected =
            if generation == V17_0_1 { Err(Reason::ServerError) } else { Ok(Listing { total: Some(12) }) };
        assert_eq!(rest, expected, "{generation:?}");
        let target = watcher(Called::Graphql);
        let validity = platform::validity_request(&target).unwrap();
        let validity = plain(pbx.answer(&with_token(validity, &good)));
        assert_eq!(platform::read_validity(&validity), Validity::Accepted);
        let version = plain(pbx.answer(&with_token(platform::version_request(&target).unwrap(), &good)));
        assert!(platform::read_version(&context(&target, Operation::Version), &version).is_ok());
        assert_eq!(Operation::ALL.map(|operation| pbx.requests(operation)), [1, 2, 1]);
        assert_eq!((pbx.validity_requests(), pbx.token_requests_by_grant(Grant::ClientCredentials)), (1, 1));
    }
}

#[tokio::test]
async fn the_jwt_tells_fractional_times_on_17_alone() {
    use base64::Engine as _;
    for generation in Generation::ALL {
        let jwt = token(&machine(&pbx(generation), "gql:core:read"));
        let claims = jwt.split('.').nth(1).unwrap();
        let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(claims["exp"].is_i64(), generation == V16, "{generation:?}");
        assert_eq!(claims["scopes"][0], "gql:core:read");
        assert_eq!((&claims["aud"], &claims["sub"]), (&MACHINE_ID.into(), &"".into()));
    }
}

#[tokio::test]
async fn only_the_password_grant_gives_a_refresh_token_and_it_serves_once() {
    for generation in Generation::ALL {
        let pbx = pbx(generation);
        assert_eq!(member(&machine(&pbx, ""), "refresh_token"), None);
        let first = native(&pbx, PASSWORD);
        let old = member(&first, "refresh_token").unwrap();
        let second = refresh(&pbx, &old);
        assert_ne!(member(&second, "refresh_token").unwrap(), old);
        assert_eq!(list_reason(&pbx, Called::Graphql, &token(&first)), Some(Reason::TokenRejected));
        assert_eq!(list_reason(&pbx, Called::Graphql, &token(&second)), None);
        for dead in [old.as_str(), "rubbish"] {
            assert_eq!(token_reason(&refresh(&pbx, dead), Grant::RefreshToken), Some(Reason::InvalidGrant));
        }
        assert_eq!(token_reason(&native(&pbx, "wrong"), Grant::Password), Some(Reason::InvalidGrant));
        let good = member(&second, "refresh_token").unwrap();
        let client = [("client_id", MACHINE_ID), ("client_secret", SECRET)];
        let stolen = [&client[..], &[("grant_type", "refresh_token"), ("refresh_token", &good)]].concat();
        let refusal = if generation == V16 { Reason::InvalidClient } else { Reason::InvalidGrant };
        assert_eq!(token_reason(&post(&pbx, &stolen), Grant::RefreshToken), Some(refusal));
        assert_eq!(pbx.token_requests_by_grant(Grant::RefreshToken), 4);
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_dies_at_its_expiry_at_a_revocation_and_with_the_keys() {
    for generation in Generation::ALL {
        let pbx = pbx(generation);
        pbx.set_token_lifetime(Duration::from_secs(40));
        let expiring = token(&machine(&pbx, ""));
        tokio::time::advance(Duration::from_secs(39)).await;
        assert_eq!(list_reason(&pbx, Called::Graphql, &expiring), None);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(list_reason(&pbx, Called::Graphql, &expiring), Some(Reason::TokenRejected));
        for kill in [SimPbx::revoke_tokens, SimPbx::regenerate_keys] {
            let doomed = token(&machine(&pbx, ""));
            kill(&pbx);
            assert_eq!(list_reason(&pbx, Called::Graphql, &doomed), Some(Reason::TokenRejected));
            assert_eq!(list_reason(&pbx, Called::Graphql, &token(&machine(&pbx, ""))), None);
        }
    }
}

/// What the token endpoint and then, with a token taken before, the list say under each fault.
#[tokio::test]
async fn each_fault_shows_as_its_reason() {
    use Reason::{
        AjaxDeclined, ApiNotFound, Forbidden, InvalidClient, InvalidScope, QueryFailed, RateLimited,
        ServerError, TokenRejected,
    };
    let client_16 = |generation| (generation != V17_0_1).then_some(InvalidClient);
    let hidden = |generation| match generation {
        V16 | V17_0_1 => Some(InvalidScope),
        V17 => None,
    };
    let fixture = fixtures::find("status false", V17);
    for generation in Generation::ALL {
        for (fault, at_token, at_list) in [
            (Fault::SecretRegenerated, client_16(generation), None),
            (Fault::ApplicationDeleted, Some(InvalidClient), Some(TokenRejected)),
            (Fault::ScopeRemoved, None, None),
            (Fault::AllowedScopesUnknownWord, hidden(generation), None),
            (Fault::RewriteBroken, Some(AjaxDeclined), Some(AjaxDeclined)),
            (Fault::RewriteIgnored, Some(ApiNotFound), Some(ApiNotFound)),
            (Fault::ModuleNameBent, Some(ApiNotFound), Some(ApiNotFound)),
            (Fault::ModuleAbsent, Some(ApiNotFound), Some(ApiNotFound)),
            (Fault::KeyUnusable, Some(ServerError), None),
            (Fault::DropsAuthorization, None, Some(TokenRejected)),
            (Fault::RejectAllTokens, None, Some(TokenRejected)),
            (Fault::QueryFails, None, Some(QueryFailed)),
            (Fault::DatabaseDown, Some(ServerError), Some(ServerError)),
            (Fault::ManagerHangs, None, None),
            (Fault::Http500, Some(ServerError), Some(ServerError)),
            (Fault::Html502, Some(ServerError), Some(ServerError)),
            (Fault::Forbidden, Some(Forbidden), Some(Forbidden)),
            (Fault::RateLimited(7), Some(RateLimited), Some(RateLimited)),
            (Fault::Slow(Duration::from_secs(1)), None, None),
            (Fault::Hang, None, None),
            (Fault::Fixture(fixture), None, Some(QueryFailed)),
        ] {
            let pbx = pbx(generation);
            let before = token(&machine(&pbx, ""));
            pbx.set_fault(Some(fault.clone()));
            let seen = token_reason(&machine(&pbx, ""), Grant::ClientCredentials);
            assert_eq!(seen, at_token, "{fault:?} {generation:?}");
            assert_eq!(list_reason(&pbx, Called::Graphql, &before), at_list, "{fault:?} {generation:?}");
            pbx.set_fault(None);
            let after = token(&machine(&pbx, ""));
            assert_eq!(list_reason(&pbx, Called::Graphql, &after), None, "{fault:?} {generation:?}");
        }
    }
}

#[tokio::test]
async fn a_removed_scope_shows_in_the_next_token() {
    for generation in Generation::ALL {
        let pbx = pbx(generation);
        pbx.set_fault(Some(Fault::ScopeRemoved));
        let narrow = token(&machine(&pbx, ""));
        assert_eq!(list_reason(&pbx, Called::Graphql, &narrow), Some(Reason::InsufficientScope));
        if generation != V17_0_1 {
            assert_eq!(list_reason(&pbx, Called::Rest, &narrow), Some(Reason::InsufficientScope));
            let beyond = machine(&pbx, "gql:core:read");
            assert_eq!(token_reason(&beyond, Grant::ClientCredentials), Some(Reason::InvalidScope));
        }
    }
}

#[tokio::test]
async fn sixteen_tells_an_unknown_allowed_scope_from_a_bad_key_at_once() {
    let target = watcher(Called::Graphql);
    let ctx = context(&target, Operation::Token);
    for (fault, reason) in
        [(Fault::AllowedScopesUnknownWord, Reason::InvalidScope), (Fault::KeyUnusable, Reason::ServerError)]
    {
        let pbx = pbx(V16);
        pbx.set_fault(Some(fault));
        let first = machine(&pbx, "");
        assert_eq!(platform::wants_scope_check(&ctx, &first), None);
        assert_eq!(platform::token_failure(&ctx, &first).reason(), reason);
    }
}

#[tokio::test]
async fn malformed_token_requests_are_refused_as_league_does() {
    let machine = [("client_id", MACHINE_ID), ("client_secret", SECRET)];
    let native = [("client_id", NATIVE_ID), ("client_secret", SECRET)];
    let password = ("grant_type", "password");
    for generation in Generation::ALL {
        let pbx = pbx(generation);
        for (form, reason) in [
            (vec![machine[0], machine[1]], Some(Reason::UnauthorizedClient)),
            (vec![("grant_type", "client_credentials")], Some(Reason::InvalidRequest)),
            (vec![("grant_type", "client_credentials"), ("client_id", "x")], Some(Reason::InvalidClient)),
            (vec![password, native[0], native[1]], Some(Reason::InvalidRequest)),
            (vec![("grant_type", "refresh_token"), native[0], native[1]], Some(Reason::InvalidRequest)),
            (
                vec![("grant_type", "client_credentials"), machine[0]],
                (generation != V17_0_1).then_some(Reason::InvalidClient),
            ),
            (
                vec![password, machine[0], machine[1], ("username", USER), ("password", PASSWORD)],
                (generation == V16).then_some(Reason::InvalidClient),
            ),
        ] {
            let seen = token_reason(&post(&pbx, &form), Grant::Password);
            assert_eq!(seen, reason, "{generation:?} {form:?}");
        }
    }
}

#[tokio::test]
async fn basic_is_taken_everywhere_and_json_on_16_alone() {
    let json = serde_json::json!({
        "grant_type": "client_credentials", "client_id": MACHINE_ID, "client_secret": SECRET,
    });
    for generation in Generation::ALL {
        let pbx = pbx(generation);
        let by_basic = |id, secret| {
            let answer = post_as(&pbx, FORM, Some((id, secret)), "grant_type=client_credentials".into());
            token_reason(&answer, Grant::ClientCredentials)
        };
        assert_eq!(by_basic(MACHINE_ID, SECRET), None);
        assert_eq!(by_basic("unknown", SECRET), Some(Reason::InvalidClient));
        let unchecked = generation == V17_0_1;
        assert_eq!(by_basic(MACHINE_ID, "wrong"), (!unchecked).then_some(Reason::InvalidClient));
        let by_json = post_as(&pbx, "application/json", None, json.to_string());
        let expected = (generation != V16).then_some(Reason::UnauthorizedClient);
        assert_eq!(token_reason(&by_json, Grant::ClientCredentials), expected, "{generation:?}");
    }
}

#[tokio::test]
async fn other_addresses_are_answered_as_the_dispatcher_does() {
    for generation in Generation::ALL {
        let pbx = pbx(generation);
        let good = token(&machine(&pbx, ""));
        for (path, reason) in [
            ("/admin/api/api/extensions", Reason::AjaxDeclined),
            ("/admin/ajax.php", Reason::AjaxDeclined),
            ("/admin/ajax.php?module=api&command=getTokens", Reason::AjaxDeclined),
            ("/admin/api/api/getTokens", Reason::AjaxDeclined),
            ("/admin/api/rest/core/users", Reason::ApiNotFound),
            ("/api/oauth2/extensions", Reason::ApiNotFound),
            ("/", Reason::ApiNotFound),
        ] {
            assert_eq!(list_reason(&pbx, Called::Path(path), &good), Some(reason), "{path} {generation:?}");
        }
    }
}

/// Each literal answer, played by the simulator, has the reason that the table gives it.
#[tokio::test]
async fn every_fixture_can_be_played() {
    let table = Table::<Reason>::of_freepbx();
    for fixture in fixtures::all() {
        let expected = table.row(fixture.name, fixture.generations).result();
        let pbx = pbx(fixture.generations[0]);
        pbx.set_fault(Some(Fault::Fixture(fixture)));
        let target = watcher(fixture.called);
        let ctx = CallContext { grant: fixture.grant, ..context(&target, fixture.operation) };
        let request = match fixture.operation {
            Operation::Token => {
                let answer = machine(&pbx, "");
                let reason = platform::token_failure(&ctx, &answer).reason();
                assert_eq!(Err(reason), expected, "{}", fixture.name);
                continue;
            }
            Operation::Extensions => platform::list_request(&target),
            Operation::Version => platform::version_request(&target).unwrap(),
        };
        let answer = plain(pbx.answer(&with_token(request, "any")));
        let seen = match fixture.operation {
            Operation::Version => platform::read_version(&ctx, &answer).map(|_| None),
            _ => platform::read_list(&ctx, &answer).map(|listing| listing.total),
        };
        assert_eq!(seen.map_err(|failure| failure.reason()), expected, "{}", fixture.name);
    }
}

#[tokio::test]
async fn nothing_shows_a_body_or_a_token_in_debug() {
    let pbx = pbx(V17);
    let given = token(&machine(&pbx, ""));
    let list = platform::list_request(&watcher(Called::Graphql));
    let request = with_token(list, &given);
    let answer = pbx.answer(&request);
    let shown = format!("{request:?} {answer:?} {pbx:?}");
    for secret in [given.as_str(), SECRET, PASSWORD, "fetchAllExtensions"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
