//! What failures cost a PBX: token requests, rows that nothing removes, refusals that fail2ban counts, and credentials in
//! clear. Virtual time, a day or ten minutes of it; each test prints its numbers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode};
use pbx_exporter::clock::Clock;
use pbx_exporter::control::ProbeNow;
use pbx_exporter::domain::target::Call;
use pbx_exporter::domain::{Answer, Exchange, Grant, Operation, Phase, SecretSource, Target, TransportError};
use pbx_exporter::sim::fault::Fault;
use pbx_exporter::sim::fixtures::Generation;
use pbx_exporter::sim::target::{NATIVE_ID, target};
use pbx_exporter::sim::{SimPbx, SimTransport};
use pbx_exporter::store::Store;
use pbx_exporter::transport::Transport;
use url::Url;

use crate::support::person::{confirm, settings};
use crate::support::world::{Sent, UNIX, World, around, minutes, origin, pbx, seconds, usual};
use crate::token::first_refresh_token_text;

/// One request as the PBX's side sees it.
#[derive(Clone, Copy)]
struct Noted {
    /// Virtual seconds.
    at: f64,
    token: bool,
    credentials: bool,
    /// Whether its answer is a refusal, or may hide one.
    counts: bool,
}

type Ledger = Arc<Mutex<Vec<Noted>>>;

/// What becomes of an exchange on its way back.
type Bend = fn(&mut Exchange);

/// A way to `inner` on which `bend` changes what [`Bent`] says, once it is switched on.
struct Way {
    ledger: Ledger,
    bends: Arc<Mutex<Option<(Bend, Bent)>>>,
    transport: Arc<dyn Transport>,
}

/// What is bent.
#[derive(Clone, Copy)]
enum Bent {
    TokenAnswers,
    Refusals,
    Everything,
}

impl Bent {
    fn has(self, token: bool, exchange: &Exchange) -> bool {
        match self {
            Self::TokenAnswers => token,
            Self::Refusals => is_refusal(exchange),
            Self::Everything => true,
        }
    }
}

fn is_refusal(exchange: &Exchange) -> bool {
    exchange.status.is_some_and(|status| matches!(status.as_u16(), 400 | 401 | 403))
}

/// Not a token or a list, no 5xx, no 429, and neither the network's nor PHP's.
fn may_hide(exchange: &Exchange) -> bool {
    let Ok(answer) = &exchange.result else {
        return matches!(
            exchange.result,
            Err(TransportError::TooLarge(_) | TransportError::RedirectElsewhere(_))
        );
    };
    let said = |words: &str| answer.body.windows(words.len()).any(|part| part == words.as_bytes());
    let status = answer.status.as_u16();
    status < 500 && status != 429 && !said("access_token") && !said("\"data\"") && !said("plain HTTP request")
}

impl Way {
    fn new(inner: &Arc<SimTransport>) -> Self {
        let (ledger, bends) = (Ledger::default(), Arc::<Mutex<Option<(Bend, Bent)>>>::default());
        let (noted, bending, clock) = (ledger.clone(), bends.clone(), Clock::steered(UNIX));
        let transport = around(inner, move |sent: Sent| {
            let (noted, bending) = (noted.clone(), bending.clone());
            async move {
                let token = sent.is_for_token() && sent.request.method == Method::POST;
                let credentials = token || sent.request.headers.contains_key("authorization");
                let at = clock.unix() - UNIX;
                let mut exchange = sent.arrive().await;
                if let Some((bend, bent)) = *bending.lock().expect("not poisoned")
                    && bent.has(token, &exchange)
                {
                    bend(&mut exchange);
                }
                let counts = credentials && (is_refusal(&exchange) || may_hide(&exchange));
                noted.lock().expect("not poisoned").push(Noted { at, token, credentials, counts });
                exchange
            }
        });
        Self { ledger, bends, transport }
    }

    /// From now on; what was seen so far is forgotten.
    fn bend(&self, bend: Option<(Bend, Bent)>) {
        self.ledger.lock().expect("not poisoned").clear();
        *self.bends.lock().expect("not poisoned") = bend;
    }

    fn count(&self, of: impl Fn(&Noted) -> bool) -> u64 {
        self.ledger.lock().expect("not poisoned").iter().filter(|noted| of(noted)).count() as u64
    }

    /// The most within any window of the budget.
    fn refusals(&self) -> usize {
        let ledger = self.ledger.lock().expect("not poisoned");
        let at: Vec<_> = ledger.iter().filter(|noted| noted.counts).map(|noted| noted.at).collect();
        at.iter()
            .map(|from| at.iter().filter(|at| (*from..*from + 2400.0).contains(*at)).count())
            .max()
            .unwrap_or(0)
    }
}

fn answers(exchange: &mut Exchange, status: u16, content_type: &'static str, body: &'static str) {
    let status = StatusCode::from_u16(status).expect("a status");
    let headers =
        http::HeaderMap::from_iter([(http::header::CONTENT_TYPE, HeaderValue::from_static(content_type))]);
    exchange.result = Ok(Answer { status, headers, body: Bytes::from_static(body.as_bytes()) });
    exchange.status = Some(status);
}

fn page(exchange: &mut Exchange, status: u16) {
    let body = "<html><head><title>Sign in</title></head><body><center>nginx</center></body></html>";
    answers(exchange, status, "text/html", body);
}

fn leads_to(exchange: &mut Exchange, location: &'static str) {
    page(exchange, 302);
    if let Ok(answer) = &mut exchange.result {
        answer.headers.insert(http::header::LOCATION, HeaderValue::from_static(location));
    }
}

fn fails(exchange: &mut Exchange, error: TransportError, status: Option<u16>) {
    exchange.result = Err(error);
    exchange.status = status.and_then(|status| StatusCode::from_u16(status).ok());
}

fn timeout() -> TransportError {
    TransportError::Timeout { limit: Duration::from_secs(10), phase: Phase::Processing }
}

const UNREADABLE: &str = "<br />\n<b>Warning</b>:  Undefined array key in <b>/var/www/html/x.php</b> on line <b>7</b><br />\n\
    {\"token_type\":\"Bearer\",\"access_token\":\"e";

/// Ways to get no token, by what becomes of the answer or by what is wrong with the PBX.
fn kinds() -> Vec<(&'static str, Option<Fault>, Option<Bend>)> {
    let bent = |name, bend: Bend| (name, None, Some(bend));
    let wrong = |name, fault| (name, Some(fault), None);
    vec![
        wrong("16: the private key is unusable", Fault::KeyUnusable),
        wrong("an unknown word in Allowed Scopes", Fault::AllowedScopesUnknownWord),
        wrong("a wrong secret", Fault::SecretRegenerated),
        wrong("the application is gone", Fault::ApplicationDeleted),
        wrong("a crash without words", Fault::Http500),
        wrong("no answer comes", Fault::Hang),
        wrong("the rewrite is ignored (a 404 page)", Fault::RewriteIgnored),
        wrong("the rewrite is broken (declined)", Fault::RewriteBroken),
        wrong("throttled, Retry-After: 0", Fault::RateLimited(0)),
        bent("500 after the row", |exchange| answers(exchange, 500, "text/html", "")),
        bent("502 after the row", |exchange| page(exchange, 502)),
        bent("PHP prints into the JSON", |exchange| answers(exchange, 200, "text/html", UNREADABLE)),
        bent("JSON without a token", |exchange| answers(exchange, 200, "application/json", "{\"a\":1}")),
        bent("a 200 page", |exchange| page(exchange, 200)),
        bent("a 302 to a login", |exchange| leads_to(exchange, "/login")),
        bent("a 403 page", |exchange| page(exchange, 403)),
        bent("a 401 page", |exchange| page(exchange, 401)),
        bent("429 without more", |exchange| answers(exchange, 429, "application/json", "{}")),
        bent("lost after it was sent", |exchange| {
            fails(exchange, TransportError::ConnectionLost("closed".into()), None);
        }),
        bent("a body over the limit", |exchange| fails(exchange, TransportError::TooLarge(1), Some(200))),
        bent("now a 500, now no answer", |exchange| {
            if exchange.result.as_ref().is_ok_and(|answer| answer.body.len() % 2 == 0) {
                answers(exchange, 500, "text/html", "<h1>Slim Application Error</h1>");
            } else {
                fails(exchange, timeout(), None);
            }
        }),
    ]
}

const GRANTS: [Grant; 4] =
    [Grant::ClientCredentials, Grant::Password, Grant::RefreshToken, Grant::AuthorizationCode];

/// The usual target, and where its tokens are kept if a person has to confirm access.
async fn ready(
    pbx: &SimPbx,
    inner: &SimTransport,
    grant: Grant,
    folder: &tempfile::TempDir,
) -> (Target, Option<Arc<Store>>) {
    match grant {
        Grant::RefreshToken => {
            let mut target = usual(Grant::Password);
            target.auth.grant = grant;
            target.auth.client_id = NATIVE_ID.into();
            target.auth.refresh_token = Some(SecretSource::Literal(first_refresh_token_text(pbx).into()));
            (target, None)
        }
        Grant::AuthorizationCode => {
            let (target, store) = (usual(grant), Arc::new(Store::new(&settings(folder.path()))));
            confirm(pbx, inner, &target, &store, Clock::steered(UNIX)).await.expect("confirmed");
            (target, Some(store))
        }
        _ => (usual(grant), None),
    }
}

#[tokio::test(start_paused = true)]
async fn a_day_without_tokens_costs_the_pbx_few_requests_rows_and_refusals() {
    println!("{:38} {:18} requests rows refusals/40min", "in a day", "grant");
    for (name, fault, bend) in kinds() {
        for grant in GRANTS {
            let (pbx, inner) = pbx(Generation::V16);
            let folder = tempfile::tempdir().expect("a folder");
            let (target, store) = ready(&pbx, &inner, grant, &folder).await;
            let way = Way::new(&inner);
            let world = World::start_with(way.transport.clone(), store, [target]).await;
            minutes(2).await;
            assert_eq!(world.state().up, Some(true), "{grant}");
            let before = pbx.token_rows();
            pbx.set_fault(fault.clone());
            way.bend(bend.map(|bend| (bend, Bent::TokenAnswers)));
            // The token in hand is old after a quarter of an hour at the latest, where it is renewed without a person.
            minutes(24 * 60).await;
            let (requests, rows) = (way.count(|noted| noted.token), pbx.token_rows() - before);
            let refusals = way.refusals();
            println!("{name:38} {:18} {requests:8} {rows:4} {refusals:8}", grant.as_str());
            assert!(requests > 0, "{name}, {grant}: nothing was asked");
            assert!(requests <= 150, "{name}, {grant}: {requests} token requests in a day");
            assert!(rows <= 2 * requests, "{name}, {grant}: {rows} rows of {requests} requests");
            assert!(refusals <= 6, "{name}, {grant}: {refusals} in 40 minutes");
            world.stop().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_request_that_may_have_left_a_row_waits_one_two_five_and_ten_minutes() {
    let (pbx, inner) = pbx(Generation::V16);
    pbx.set_fault(Some(Fault::KeyUnusable));
    let way = Way::new(&inner);
    let world = World::start(way.transport.clone(), [usual(Grant::Password)]).await;
    minutes(40).await;
    let at: Vec<_> = way
        .ledger
        .lock()
        .expect("not poisoned")
        .iter()
        .filter(|noted| noted.token)
        .map(|noted| noted.at)
        .collect();
    // One failure alone may be a passing one: the wait of any failed probe.
    let waits: Vec<_> = at.windows(2).map(|pair| (pair[1] - pair[0]).round()).collect();
    assert_eq!(waits, [15.0, 60.0, 120.0, 300.0, 600.0, 600.0, 600.0]);
    assert_eq!(pbx.token_rows(), 2 * at.len() as u64);

    pbx.set_fault(None);
    assert_eq!(world.handle.probe_now("office".into()).await, ProbeNow::Done);
    assert_eq!(world.state().up, Some(true), "a person need not wait");
}

#[tokio::test(start_paused = true)]
async fn a_person_who_asks_again_and_again_stays_within_the_budget_of_what_may_hide_a_refusal() {
    let (pbx, inner) = pbx(Generation::V16);
    pbx.set_fault(Some(Fault::SecretRegenerated));
    let way = Way::new(&inner);
    way.bend(Some((|exchange| leads_to(exchange, "/login"), Bent::Refusals)));
    let world = World::start(way.transport.clone(), [usual(Grant::ClientCredentials)]).await;
    let mut stopped = false;
    for _ in 0..10 {
        seconds(61).await;
        let told = world.handle.probe_now("office".into()).await;
        stopped |= matches!(told, ProbeNow::RefusalBudget { .. });
    }
    assert!(stopped && way.count(|noted| noted.token) <= 6, "{}", way.count(|noted| noted.token));
}

const IN_CLEAR: &str = "http://pbx.example.com";

/// What a front makes of a refusal.
const FRONTS: [(&str, Bend); 6] = [
    ("302 to a login in its place", |exchange| leads_to(exchange, "https://login.example.com/")),
    ("302 within the origin in its place", |exchange| leads_to(exchange, "/login")),
    ("200 page in its place", |exchange| page(exchange, 200)),
    ("404 page in its place", |exchange| page(exchange, 404)),
    ("403 page in its place", |exchange| page(exchange, 403)),
    ("401 page in its place", |exchange| page(exchange, 401)),
];

#[tokio::test(start_paused = true)]
async fn a_front_that_hides_refusals_gets_a_refused_secret_twice_in_ten_minutes() {
    println!("{:36} {:10} {:24} sent tokens counted", "in ten minutes", "scheme", "wrong");
    for (name, bend) in FRONTS {
        for (scheme, address) in [("https", origin()), ("http", Url::parse(IN_CLEAR).expect("a URL"))] {
            for (what, fault) in [("secret", Fault::SecretRegenerated), ("token", Fault::RejectAllTokens)] {
                // The one that refuses a token by a 401.
                let pbx = Arc::new(SimPbx::new(Generation::V16, Clock::steered(UNIX)));
                let inner = Arc::new(SimTransport::default().with(&address, pbx.clone()));
                pbx.set_fault(Some(fault));
                let way = Way::new(&inner);
                way.bend(Some((bend, Bent::Refusals)));
                let office = target("office", &address, Grant::ClientCredentials, Call::known("graphql"));
                let _world = World::start(way.transport.clone(), [office]).await;
                minutes(10).await;
                let (sent, tokens) = (way.count(|noted| noted.credentials), way.count(|noted| noted.token));
                let counted = way.refusals();
                println!("{name:36} {scheme:10} {what:24} {sent:4} {tokens:6} {counted:7}");
                // A token request, the list with its token, and the query whether that is accepted: twice.
                assert!(
                    counted <= 6 && tokens <= 2 && sent <= 6,
                    "{name}, {scheme}, {what}: {sent} {tokens} {counted}"
                );
                if what == "secret" {
                    assert!((1..=2).contains(&sent), "{name}, {scheme}: {sent}");
                }
            }
        }
    }
}

/// Who wants https, by what they say over http.
const WANTING: [(&str, Bend); 3] = [
    ("a redirect", |exchange| leads_to(exchange, "https://pbx.example.com/admin/api/api/token")),
    ("a redirect that was not followed", |exchange| {
        fails(exchange, TransportError::RedirectElsewhere("https://pbx.example.com".into()), Some(301));
    }),
    ("nginx's 400", |exchange| {
        let body =
            "<html><head><title>400 The plain HTTP request was sent to HTTPS port</title></head></html>";
        answers(exchange, 400, "text/html", body);
    }),
];

#[tokio::test(start_paused = true)]
async fn who_wants_https_gets_credentials_once_until_the_pbx_answers_or_the_configuration_changes() {
    let address = Url::parse(IN_CLEAR).expect("a URL");
    for grant in [Grant::ClientCredentials, Grant::Password] {
        for (name, bend) in WANTING {
            let pbx = Arc::new(SimPbx::new(Generation::V17, Clock::steered(UNIX)));
            let inner = Arc::new(SimTransport::default().with(&address, pbx.clone()));
            let way = Way::new(&inner);
            way.bend(Some((bend, Bent::Everything)));
            let mut office = target("office", &address, grant, Call::known("graphql"));
            let world = World::start(way.transport.clone(), [office.clone()]).await;
            minutes(24 * 60).await;
            let (sent, asked) = (way.count(|noted| noted.credentials), way.count(|_| true));
            println!("{name:36} {:18} in a day: {sent} with credentials, {asked} in all", grant.as_str());
            assert_eq!(sent, 1, "{name}: credentials went in clear");
            assert!((100..=150).contains(&asked), "{name}: {asked} requests");
            seconds(61).await;
            assert_eq!(world.handle.probe_now("office".into()).await, ProbeNow::Done);
            assert_eq!(way.count(|noted| noted.credentials), 1, "{name}: nor for a person");
            assert!(world.reason(Operation::Token).is_some(), "{name}: it says why");

            office.interval = Duration::from_secs(30);
            world.replace([office]).await;
            seconds(31).await;
            assert_eq!(
                way.count(|noted| noted.credentials),
                2,
                "{name}: a changed configuration is tried once"
            );

            way.bend(None);
            minutes(12).await;
            assert_eq!(world.state().up, Some(true), "{name}: {:?}", world.reason(Operation::Token));
            let first = way.ledger.lock().expect("not poisoned").iter().position(|noted| noted.credentials);
            assert_eq!(first, Some(3), "{name}: after three answers of the PBX itself");
        }
    }
}
