//! Transcripts of `diagnose` for a platform that is data alone: Ringme.

use std::fs::read_to_string;
use std::sync::Arc;

use pbx_exporter::cli::diagnose::{document, exit_of, text};
use pbx_exporter::cli::terminal::Style;
use pbx_exporter::clock::Clock;
use pbx_exporter::domain::tls_fault::{TlsFault, Whose};
use pbx_exporter::domain::{Grant, Operation, Reason, Target, TransportError};
use pbx_exporter::probe::Probe;
use pbx_exporter::sim::{RingmeFault, SimRingme, SimTransport, ringme};
use url::Url;

use super::transcripts::budget;
use crate::support::golden::assert_same;
use crate::support::world::{UNIX, origin};

/// Compares text and JSON of a diagnosis with their transcripts.
pub async fn transcript(
    name: &str,
    target: Target,
    transport: &Arc<SimTransport>,
) -> Option<(Operation, Reason)> {
    let target = Arc::new(target);
    let probe = Probe::new(target.clone(), None, transport.clone(), budget(6), Clock::steered(UNIX));
    let style = Style { width: Some(80), ..Style::default() };
    let mut out = Vec::new();
    let report = text(&probe, &**transport, style, &mut out).await.expect("written");
    let told = String::from_utf8(out).expect("text");
    let exit = exit_of(&report).code();
    assert_same(&format!("diagnose/{name}.txt"), &format!("{told}\nexit code {exit}\n"));
    let failure = report.verdict.failure;
    let json = format!("{:#}\n", document(&[(target, report)]));
    assert_same(&format!("diagnose/{name}.json"), &json);
    failure
}

#[tokio::test(start_paused = true)]
async fn what_a_data_platform_says_has_transcripts() {
    let person = Grant::Password;
    let machine = Grant::ClientCredentials;
    for (name, grant, fault) in [
        ("well", machine, None),
        ("well-password", person, None),
        ("access_denied", machine, Some(RingmeFault::Resource("access denied"))),
        ("user_blocked", machine, Some(RingmeFault::Resource("user blocked"))),
        ("invalid_client", machine, Some(RingmeFault::SecretReplaced)),
        ("invalid_grant", person, Some(RingmeFault::Token("wrong password"))),
        ("token_rejected", machine, Some(RingmeFault::Resource("token refused"))),
        ("rate_limited", machine, None),
        ("unexpected_response", machine, Some(RingmeFault::Token("token of odd letters"))),
        ("api_not_found", machine, Some(RingmeFault::Resource("no such record"))),
    ] {
        let pbx = Arc::new(SimRingme::new(Clock::steered(UNIX)));
        pbx.set_fault(fault);
        if name == "rate_limited" {
            pbx.set_budget(0);
        }
        let transport = Arc::new(SimTransport::default().with(&origin(), pbx));
        let failure =
            transcript(&format!("ringme-{name}"), ringme::target("office", &origin(), grant), &transport)
                .await;
        let reason = failure.map(|(_, reason)| reason.as_str());
        assert!(name.starts_with(reason.unwrap_or("well")), "{name} gives {reason:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_endpoint_elsewhere_is_looked_at_too_and_whoever_fails_is_named() {
    let tokens = Url::parse("https://login.example.com").expect("a URL");
    let refused = || TransportError::Connect("connection refused".into());
    let unknown = || TransportError::Dns("Name or service not known".into());
    for (name, down, failure) in [
        ("elsewhere-well", None, None),
        ("elsewhere-dns", Some((&tokens, unknown())), Some((Operation::Token, Reason::Dns))),
        ("elsewhere-tls", Some((&tokens, tls())), Some((Operation::Token, Reason::Tls))),
        ("elsewhere-connect", Some((&origin(), refused())), Some((Operation::Extensions, Reason::Connect))),
    ] {
        let pbx = Arc::new(SimRingme::new(Clock::steered(UNIX)));
        let transport = SimTransport::default().with(&origin(), pbx.clone()).with(&tokens, pbx.clone());
        let transport = Arc::new(transport);
        let mut target = ringme::target("office", &origin(), Grant::ClientCredentials);
        target.auth.origin = Some(tokens.clone());
        if let Some((host, error)) = &down {
            transport.fail(host, Some(error.clone()));
        }
        assert_eq!(transcript(&format!("ringme-{name}"), target, &transport).await, failure, "{name}");
        let text = read_to_string(format!("tests/diagnose/ringme-{name}.txt")).expect("a transcript");
        let culprit = down.as_ref().and_then(|(host, _)| host.host_str());
        let blamed = culprit.is_none_or(|host| text.contains(&format!("No usable answer from {host} for")));
        assert!(blamed, "{name} does not name the host");
        // No credentials for one of the two before the other is known to be there.
        assert_eq!(pbx.requests(Operation::Token), u64::from(down.is_none()), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_hosts_a_refusal_names_its_own() {
    let tokens = Url::parse("https://login.example.com").expect("a URL");
    for (name, fault, host, path) in [
        ("invalid_client", RingmeFault::SecretReplaced, "login.example.com", "/oauth/token"),
        (
            "access_denied",
            RingmeFault::Resource("access denied"),
            "pbx.example.com",
            "/api/ver1.0/client/@me/extension/",
        ),
    ] {
        let pbx = Arc::new(SimRingme::new(Clock::steered(UNIX)));
        pbx.set_fault(Some(fault));
        let transport = Arc::new(SimTransport::default().with(&origin(), pbx.clone()).with(&tokens, pbx));
        let mut target = ringme::target("office", &origin(), Grant::ClientCredentials);
        target.auth.origin = Some(tokens.clone());
        let file = format!("ringme-elsewhere-{name}");
        let failure = transcript(&file, target, &transport).await;
        assert_eq!(failure.map(|(_, reason)| reason.as_str()), Some(name));
        let json = read_to_string(format!("tests/diagnose/{file}.json")).expect("a transcript");
        assert!(json.contains(&format!(" ({host})\",")), "{json}");
        assert!(json.contains(&format!(" https://{host}{path}: HTTP ")), "{json}");
    }
}

fn tls() -> TransportError {
    TransportError::Tls(TlsFault::Expired(Whose::Server, 1_577_836_800))
}
