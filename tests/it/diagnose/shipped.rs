//! Transcripts of `diagnose` for shipped platforms that no simulator plays: each answer is fixed.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use pbx_exporter::causes;
use pbx_exporter::domain::target::Call;
use pbx_exporter::domain::{Answer, Grant, Operation, Reason, SecretSource, Target};
use pbx_exporter::platform::{self, CallContext};
use pbx_exporter::sim::{SimAnswer, SimRequest, SimTransport, Simulated, target};
use secrecy::SecretString;

use super::ringme::transcript;
use crate::support::world::origin;

/// What a POST and a GET are answered with.
#[derive(Debug)]
struct Fixed {
    post: (u16, &'static str),
    get: (u16, &'static str),
}

impl Simulated for Fixed {
    fn answer(&self, request: &SimRequest) -> SimAnswer {
        let (status, body) = if request.method == Method::POST { self.post } else { self.get };
        SimAnswer {
            status: StatusCode::from_u16(status).expect("a status"),
            headers: HeaderMap::new(),
            body: Bytes::from_static(body.as_bytes()),
            delay: None,
        }
    }
}

fn of(name: &str) -> Target {
    let platform = platform::builtin(name).expect("a platform");
    let grants: Vec<_> = platform.grants.served().collect();
    // A fixed key where there is one.
    let grant = if grants.contains(&Grant::Static) { Grant::Static } else { grants[0] };
    let call = Call::known(&platform.calls[0].name);
    let mut target = Target { platform, ..target::target("office", &origin(), grant, call) };
    if grant == Grant::Static {
        target.auth.key = Some(SecretSource::Literal(SecretString::from("made-up-key")));
    }
    target
}

const FORBIDDEN: &str = "<html><body><h1>Forbidden</h1></body></html>";
const TOKEN: (u16, &str) =
    (200, r#"{"errcode":0,"access_token":"t","token_type":"bearer","expires_in":3600}"#);

#[tokio::test(start_paused = true)]
async fn what_other_platforms_say_has_transcripts() {
    let nothing = (404, "");
    for (name, platform, post, get, reason) in [
        ("dialpad-token_rejected", "dialpad", nothing, (401, "{}"), Reason::TokenRejected),
        (
            "dialpad-access_denied",
            "dialpad",
            nothing,
            (403, r#"{"error":{"code":403}}"#),
            Reason::AccessDenied,
        ),
        ("wildix-forbidden", "wildix", nothing, (403, FORBIDDEN), Reason::Forbidden),
        ("wildix-api_not_found", "wildix", nothing, (404, "<html>"), Reason::ApiNotFound),
        ("wildix-rate_limited", "wildix", nothing, (429, "{}"), Reason::RateLimited),
        ("netsapiens-forbidden", "netsapiens", nothing, (403, "{}"), Reason::Forbidden),
        ("8x8-token_rejected", "8x8", nothing, (401, ""), Reason::TokenRejected),
        ("3cx-forbidden", "3cx", TOKEN, (403, FORBIDDEN), Reason::Forbidden),
        ("3cx-api_not_found", "3cx", TOKEN, (404, "<html>"), Reason::ApiNotFound),
        ("yeastar-forbidden", "yeastar", (200, r#"{"errcode":70087}"#), nothing, Reason::Forbidden),
        ("yeastar-token_rejected", "yeastar", TOKEN, (200, r#"{"errcode":10004}"#), Reason::TokenRejected),
        (
            "ringcentral-invalid_grant",
            "ringcentral",
            (400, r#"{"error":"invalid_grant"}"#),
            nothing,
            Reason::InvalidGrant,
        ),
    ] {
        let transport = Arc::new(SimTransport::default().with(&origin(), Arc::new(Fixed { post, get })));
        let failure = transcript(name, of(platform), &transport).await;
        assert_eq!(failure.map(|(_, reason)| reason), Some(reason), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fixed_key_is_never_called_a_token() {
    for name in ["dialpad", "wildix", "8x8", "netsapiens"] {
        let target = of(name);
        let context = CallContext {
            target: &target,
            operation: Operation::Extensions,
            grant: Grant::Static,
            fresh: true,
            scopes: None,
            clock_agrees: false,
        };
        let bodies = ["", "{}", "<html>", r#"{"error":"invalid_token"}"#, r#"{"error":{"code":403}}"#];
        for (status, body) in [200, 302, 400, 401, 403, 404, 405, 418, 429, 500, 502]
            .into_iter()
            .flat_map(|s| bodies.map(|b| (s, b)))
        {
            let status = StatusCode::from_u16(status).expect("a status");
            let answer = Answer { status, headers: HeaderMap::new(), body: body.into() };
            let Err(failure) = platform::read_list(&context, &answer) else { continue };
            let said = causes::explain(&target, Operation::Extensions, &failure);
            let words = [said.title, said.because, said.avoid.join(" ")].join(" ");
            assert!(!words.contains("token"), "{name} {status} {body}: {words}");
        }
    }
}
