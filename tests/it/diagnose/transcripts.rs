//! A transcript of `diagnose` for each reason, as text at 80 columns and as JSON, under
//! `tests/diagnose`: to be read as somebody woken at three would. Times are those of a paused clock.

use std::collections::BTreeSet;
use std::sync::Arc;

use pbx_exporter::budget::Origin;
use pbx_exporter::causes;
use pbx_exporter::cli::diagnose::{document, exit_of, text};
use pbx_exporter::cli::exit::Exit;
use pbx_exporter::cli::terminal::Style;
use pbx_exporter::clock::Clock;
use pbx_exporter::diagnose::Report;
use pbx_exporter::domain::outcome::Attempt;
use pbx_exporter::domain::target::{Expected, ProxySettings, Target};
use pbx_exporter::domain::tls_fault::{TlsFault, Whose};
use pbx_exporter::domain::{Cause, Failure, Grant, Operation, Phase, Reason, SecretSource, TransportError};
use pbx_exporter::probe::Probe;
use pbx_exporter::sim::fixtures::{Called, Generation, find};
use pbx_exporter::sim::{Fault, SimPbx};
use secrecy::SecretString;
use std::time::Duration;

use crate::support::golden::assert_same;
use crate::support::world::{self, UNIX, pbx, usual};

use Generation::{V16, V17, V17_0_1};

/// One PBX and what is wrong with it.
pub struct Case {
    pub name: &'static str,
    generation: Generation,
    grant: Grant,
    target: fn(&mut Target),
    fault: Option<Fault>,
    failure: Option<TransportError>,
    pbx: fn(&SimPbx),
}

pub fn case(name: &'static str, generation: Generation) -> Case {
    let grant = Grant::ClientCredentials;
    Case { name, generation, grant, target: |_| (), fault: None, failure: None, pbx: |_| () }
}

pub fn faulty(name: &'static str, generation: Generation, fault: Fault) -> Case {
    Case { fault: Some(fault), ..case(name, generation) }
}

/// `lists`: how many extensions the API reports.
pub fn listing(name: &'static str, generation: Generation, lists: fn(&SimPbx)) -> Case {
    Case { pbx: lists, ..case(name, generation) }
}

/// The file with the client secret is not there.
pub fn without_secret(name: &'static str) -> Case {
    let lost = |target: &mut Target| {
        target.auth.client_secret = Some(SecretSource::File("/no/such/secret".into()));
    };
    Case { target: lost, ..case(name, V17) }
}

fn cut_off(name: &'static str, error: TransportError) -> Case {
    Case { failure: Some(error), ..case(name, V17) }
}

fn wrong_password(target: &mut Target) {
    target.auth.password = Some(SecretSource::Literal(SecretString::from("another-made-up-password")));
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn cases() -> Vec<Case> {
    let fixture = |name, generation| Fault::Fixture(find(name, generation));
    let of_list = |name| Fault::OfList(find(name, V17));
    let timeout = |phase| TransportError::Timeout { limit: Duration::from_secs(10), phase };
    let person = |name, generation| Case { grant: Grant::Password, ..case(name, generation) };
    let declined_path = |name, generation| Case {
        target: |target| target.call = Called::Path("/admin/api/api/extensions").call(),
        ..case(name, generation)
    };
    vec![
        case("well-16", V16),
        case("well-17", V17),
        person("well-17-password", V17),
        Case { target: |t| t.call = Called::Rest.call(), ..case("well-16-rest", V16) },
        Case {
            target: |t| t.expected = Some(Expected::List(Arc::new(["2000".into(), "4000".into()]))),
            ..case("well-17-drift", V17)
        },
        faulty("well-17-output", V17, of_list("list behind a PHP warning")),
        faulty("well-17-mark", V17, of_list("list behind a byte order mark")),
        listing("well-16-empty", V16, |pbx| pbx.set_extensions(0)),
        faulty("invalid_client-16", V16, Fault::SecretRegenerated),
        faulty("invalid_client-17", V17, Fault::SecretRegenerated),
        Case { target: wrong_password, ..person("invalid_grant-16", V16) },
        Case { target: wrong_password, ..person("invalid_grant-17", V17) },
        Case {
            target: |t| t.auth.scopes = vec!["extensions:read".into()],
            ..case("invalid_scope-16-asked", V16)
        },
        Case {
            target: |t| t.auth.scopes = vec!["extensions:read".into()],
            ..case("invalid_scope-17-asked", V17)
        },
        faulty("invalid_scope-16-allowed", V16, Fault::AllowedScopesUnknownWord),
        faulty("invalid_scope-17.0.1-allowed", V17_0_1, Fault::AllowedScopesUnknownWord),
        faulty("unauthorized_client-17", V17, fixture("unknown grant type", V17)),
        faulty("invalid_request-16", V16, fixture("client id missing", V16)),
        Case { target: |t| t.auth.grant = Grant::RefreshToken, ..case("untested-refresh_token", V17) },
        faulty("token_rejected-16", V16, Fault::DropsAuthorization),
        faulty("token_rejected-17", V17, Fault::DropsAuthorization),
        faulty("insufficient_scope-16", V16, Fault::ScopeRemoved),
        faulty("insufficient_scope-17", V17, Fault::ScopeRemoved),
        faulty("insufficient_scope-17-unknown-word", V17, Fault::AllowedScopesUnknownWord),
        faulty("ajax_declined-16-token", V16, Fault::RewriteBroken),
        faulty("ajax_declined-17-token", V17, Fault::RewriteBroken),
        declined_path("ajax_declined-16-path", V16),
        declined_path("ajax_declined-17-path", V17),
        faulty("forbidden-17", V17, Fault::Forbidden),
        faulty("api_not_found-16-rewrite", V16, Fault::RewriteIgnored),
        faulty("api_not_found-17-module", V17, Fault::ModuleAbsent),
        faulty("api_not_found-17-bent", V17, Fault::ModuleNameBent),
        faulty("api_not_found-17-path", V17, fixture("blocked at GraphQL alone", V17)),
        faulty("forbidden-17-path", V17, fixture("forbidden at GraphQL alone", V17)),
        faulty("ajax_declined-17-rewritten", V17, fixture("declined at GraphQL alone", V17)),
        faulty("query_failed-17-null", V17, of_list("null in place of the list")),
        faulty("server_error-17-list-gateway", V17, of_list("bad gateway in front of GraphQL")),
        faulty("unexpected_response-17-list-page", V17, of_list("a page in place of the list")),
        faulty("rate_limited-17-list", V17, of_list("throttled at GraphQL")),
        faulty("token_rejected-16-key", V16, fixture("fresh token of another key", V16)),
        faulty("query_failed-16", V16, Fault::QueryFails),
        faulty("query_failed-17", V17, Fault::QueryFails),
        faulty("rate_limited-17", V17, Fault::RateLimited(30)),
        faulty("server_error-16-key", V16, Fault::KeyUnusable),
        faulty("server_error-16-masked", V16, fixture("masked exception", V16)),
        faulty("server_error-16-check", V16, fixture("token check failed", V16)),
        faulty("server_error-17-database", V17, fixture("database not listening", V17)),
        faulty("server_error-17-key", V17, Fault::KeyUnusable),
        faulty("server_error-17-gateway", V17, Fault::Html502),
        faulty("server_error-17-list", V17, fixture("crash without a body", V17)),
        Case { target: |t| t.call = Called::Rest.call(), ..case("server_error-17.0.1-rest", V17_0_1) },
        faulty("unexpected_response-17-page", V17, fixture("login page at the token endpoint", V17)),
        faulty("unexpected_response-17-password", V17, fixture("a password in front", V17)),
        Case {
            target: |t| {
                t.call = Called::Rest.call();
                t.body_limit = 4096;
            },
            pbx: |pbx| pbx.set_extensions(500),
            ..case("response_too_large-17", V17)
        },
        cut_off("redirect_refused", TransportError::RedirectElsewhere("https://other.example.com".into())),
        cut_off("dns", TransportError::Dns("Name or service not known".into())),
        Case {
            target: |t| t.client.proxy = Some(proxy()),
            ..cut_off("proxy", TransportError::Proxy("connection refused".into()))
        },
        cut_off("connect", TransportError::Connect("connection refused".into())),
        cut_off("tls", TransportError::Tls(TlsFault::Expired(Whose::Server, 1_577_836_800))),
        cut_off("tls-none", TransportError::Tls(TlsFault::NotTls)),
        cut_off("timeout-connect", timeout(Phase::Connect)),
        faulty("timeout-processing", V17, Fault::Hang),
        cut_off("connection_lost", TransportError::ConnectionLost("closed before an answer".into())),
        without_secret("exporter_error"),
    ]
}

fn proxy() -> ProxySettings {
    let url = url::Url::parse("http://proxy.example.com:3128").expect("a URL");
    ProxySettings {
        url,
        credentials: Some(("u".into(), SecretSource::Literal(SecretString::from("made-up")))),
        no_proxy: None,
    }
}

/// What a diagnosis of a case gave.
pub struct Diagnosed {
    /// At 80 columns.
    pub text: String,
    pub report: Report,
    target: Arc<Target>,
    pbx: Arc<SimPbx>,
}

impl Diagnosed {
    /// Its verdict's reason.
    pub fn reason(&self) -> Option<Reason> {
        self.report.verdict.failure.map(|(_, reason)| reason)
    }

    /// Compares text and JSON with the files of that name; `known` makes of them what does not change.
    pub fn assert_transcript(&self, name: &str, known: impl Fn(String) -> String) {
        let text = format!("{}\nexit code {}\n", self.text, exit_of(&self.report).code());
        assert_same(&format!("diagnose/{name}.txt"), &known(text));
        let json = document(&[(self.target.clone(), self.report.clone())]);
        assert_same(&format!("diagnose/{name}.json"), &known(format!("{json:#}\n")));
    }
}

async fn diagnose(case: &Case) -> Diagnosed {
    at(case, UNIX).await
}

/// An origin that may refuse so often.
pub fn budget(places: usize) -> Arc<Origin> {
    Arc::new(Origin::new(places, Duration::from_secs(2400)))
}

/// The same with this machine's clock.
async fn at(case: &Case, unix: f64) -> Diagnosed {
    diagnose_with(case, |_| (), &budget(6), unix).await
}

/// The same with a target `changed` further, and a budget.
pub async fn diagnose_with(
    case: &Case,
    changed: impl FnOnce(&mut Target),
    origin: &Arc<Origin>,
    unix: f64,
) -> Diagnosed {
    let (pbx, transport) = pbx(case.generation);
    (case.pbx)(&pbx);
    pbx.set_fault(case.fault.clone());
    transport.fail(&world::origin(), case.failure.clone());
    let mut target = usual(case.grant);
    (case.target)(&mut target);
    changed(&mut target);
    let target = Arc::new(target);
    let clock = Clock::steered(unix);
    let probe = Probe::new(target.clone(), None, transport.clone(), origin.clone(), clock);
    let style = Style { width: Some(80), ..Style::default() };
    let mut out = Vec::new();
    let report = text(&probe, &*transport, style, &mut out).await.expect("written");
    Diagnosed { text: String::from_utf8(out).expect("text"), report, target, pbx }
}

#[tokio::test(start_paused = true)]
async fn each_reason_has_a_transcript() {
    let mut given = BTreeSet::new();
    for case in cases() {
        let diagnosed = diagnose(&case).await;
        diagnosed.assert_transcript(case.name, |text| text);
        let reason = diagnosed.reason();
        let said = reason.map_or("well", Reason::as_str);
        assert!(case.name.starts_with(said) || reason.is_none(), "{} gives {said}", case.name);
        given.extend(reason);
    }
    let never: Vec<_> = Reason::ALL.into_iter().filter(|reason| !given.contains(reason)).collect();
    // FreePBX says neither of the last two; no diagnosis asks by a token that serves once.
    let expected = [Reason::AuthorizationRequired, Reason::AccessDenied, Reason::UserBlocked];
    assert_eq!(never, expected);
}

#[test]
fn each_cause_has_advice_that_fits_a_transcript() {
    for grant in [Grant::ClientCredentials, Grant::Password] {
        for cause in Cause::samples() {
            let said = causes::explain(&usual(grant), Operation::Token, &Failure::new(cause));
            for sentence in said.avoid {
                let fits = sentence.starts_with("Do not ") && sentence.ends_with('.');
                assert!(fits, "{}: {sentence}", said.cause);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_diagnosis_sends_no_more_than_it_announces() {
    for (case, token, list, harmless) in [
        (case("well", V16), 2, 1, 1),
        // Nothing after the first refusal.
        (faulty("secret", V16, Fault::SecretRegenerated), 2, 0, 0),
        (faulty("rewrite", V16, Fault::RewriteBroken), 1, 0, 0),
        (faulty("header", V16, Fault::DropsAuthorization), 2, 0, 1),
        (faulty("allowed", V16, Fault::AllowedScopesUnknownWord), 2, 0, 0),
        (faulty("hidden", V16, Fault::Fixture(find("hidden crash at the token endpoint", V16))), 3, 0, 0),
        (faulty("database", V17, Fault::Fixture(find("database not listening", V17))), 1, 0, 0),
        (Case { target: |t| t.auth.grant = Grant::RefreshToken, ..case("refresh", V16) }, 1, 0, 0),
        (cut_off("connect", TransportError::Connect("x".into())), 0, 0, 0),
    ] {
        let Diagnosed { pbx, .. } = diagnose(&case).await;
        let sent =
            (pbx.requests(Operation::Token), pbx.requests(Operation::Extensions), pbx.validity_requests());
        assert_eq!(sent, (token, list, harmless), "{}", case.name);
    }
}

#[tokio::test(start_paused = true)]
async fn a_spent_budget_of_refusals_ends_the_run() {
    let budget = budget(1);
    budget
        .admit(true)
        .await
        .expect("a place")
        .judge(&Attempt::unsent(Grant::ClientCredentials, Reason::InvalidClient));
    let Diagnosed { text, report, pbx, .. } = diagnose_with(&case("spent", V16), |_| (), &budget, UNIX).await;
    assert_eq!(exit_of(&report), Exit::Failed);
    assert!(text.contains("NOT TESTED this origin has rejected too many requests of this run"), "{text}");
    assert!(text.contains("limits.refusals_per_origin") && !text.contains("no failure known"), "{text}");
    assert_eq!(report.verdict.title, "not tested: this origin has rejected too many requests of this run");
    assert_eq!(pbx.requests(Operation::Token), 0);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_right_is_no_cause_of_a_rejected_token() {
    for (ahead, told) in [(0.0, "the PBX's clock is right"), (-300.0, "the PBX's clock is wrong")] {
        let case = faulty("token_rejected", V17, Fault::DropsAuthorization);
        let diagnosis = at(&case, UNIX + ahead).await.report.verdict.diagnosis;
        assert!(diagnosis.contains(told), "{ahead}: {diagnosis}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_off_is_told() {
    for (ahead, told) in
        [(0.0, "in sync with this host"), (20.0, "20s off"), (-300.0, "5m ahead of"), (7200.0, "2h behind")]
    {
        let text = at(&case("well", V16), UNIX + ahead).await.text;
        assert!(text.contains(told), "{ahead}: {text}");
    }
}
