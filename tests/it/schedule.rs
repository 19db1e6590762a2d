//! When probes are made, what waits, and what one target's trouble does to others. Virtual time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pbx_exporter::clock::Clock;
use pbx_exporter::control::ProbeNow;
use pbx_exporter::domain::target::Call;
use pbx_exporter::domain::tls_fault::TlsFault;
use pbx_exporter::domain::{Garbled, Grant, Operation, Phase, Reason, SecretSource, Target, TransportError};
use pbx_exporter::metrics::ExporterMetrics;
use pbx_exporter::sim::fault::Fault;
use pbx_exporter::sim::fixtures::{Called, Generation, all, find};
use pbx_exporter::sim::target::target;
use pbx_exporter::sim::{SimPbx, SimTransport};
use pbx_exporter::transport::Transport;
use secrecy::SecretString;
use url::Url;

use crate::answers::Table;
use crate::support::world::{UNIX, World, around, minutes, origin, pbx, seconds, usual};

fn with_wrong_secret(name: &str) -> Target {
    let mut target = target(name, &origin(), Grant::ClientCredentials, Call::known("graphql"));
    target.auth.client_secret = Some(SecretSource::Literal(SecretString::from("not-the-secret")));
    target
}

/// Virtual seconds at which an answer refused.
type Refusals = Arc<std::sync::Mutex<Vec<f64>>>;

fn watched(inner: &Arc<SimTransport>) -> (Arc<dyn Transport>, Refusals) {
    let (refusals, clock) = (Refusals::default(), Clock::steered(UNIX));
    let noted = refusals.clone();
    let watched = around(inner, move |sent| {
        let noted = noted.clone();
        async move {
            let exchange = sent.arrive().await;
            let body = exchange.result.as_ref().map(|a| a.body.clone()).unwrap_or_default();
            let refused = exchange.status.is_some_and(|s| matches!(s.as_u16(), 401 | 403))
                || body.windows(13).any(|part| part == b"Cannot query ")
                || body.windows(7).any(|part| part == b"invalid");
            if refused {
                noted.lock().expect("not poisoned").push(clock.unix() - UNIX);
            }
            exchange
        }
    });
    (watched, refusals)
}

#[tokio::test(start_paused = true)]
async fn three_bad_targets_on_one_origin_stay_within_its_budget_and_blind_no_neighbour() {
    let (pbx, transport) = pbx(Generation::V16);
    let (watched, refusals) = watched(&transport);
    let bad = ["bad-1", "bad-2", "bad-3"].map(with_wrong_secret);
    let world = World::start(watched, bad.into_iter().chain([usual(Grant::ClientCredentials)])).await;
    minutes(6 * 60).await;
    let refusals = refusals.lock().expect("not poisoned").clone();
    assert!(refusals.len() > 20, "they go on being tried: {}", refusals.len());
    for window in refusals.windows(7) {
        assert!(window[6] - window[0] >= 2400.0, "7 refusals within 2400 s: {window:?}");
    }
    let good = world.state();
    assert_eq!(good.up, Some(true));
    assert!(good.probes >= 350, "{} probes in 360 minutes", good.probes);
    assert_eq!(good.probe_failures, 0);
    assert!(pbx.requests(Operation::Extensions) >= 350);
}

/// The request for the good secret after minute 5 gets no answer, once.
fn one_slow_renewal(inner: &Arc<SimTransport>) -> Arc<dyn Transport> {
    let (slow, clock) = (Arc::new(AtomicU64::new(0)), Clock::steered(UNIX));
    around(inner, move |sent| {
        let slow = slow.clone();
        async move {
            let refused = sent.request.body.windows(14).any(|part| part == b"not-the-secret");
            let renews = sent.is_for_token() && !refused && clock.unix() > UNIX + 300.0;
            let mut exchange = sent.arrive().await;
            if renews && slow.fetch_add(1, Ordering::Relaxed) == 0 {
                let limit = Duration::from_secs(10);
                exchange.result = Err(TransportError::Timeout { limit, phase: Phase::Processing });
                exchange.status = None;
            }
            exchange
        }
    })
}

#[tokio::test(start_paused = true)]
async fn one_slow_renewal_does_not_cost_a_good_target_its_place_beside_bad_ones() {
    let (_, transport) = pbx(Generation::V16);
    let good = || usual(Grant::ClientCredentials);
    let world = World::start(one_slow_renewal(&transport), [good()]).await;
    minutes(2).await;
    let bad = ["1", "2", "3", "4", "5", "6", "7", "8"].map(with_wrong_secret);
    world.replace(bad.into_iter().chain([good()])).await;
    minutes(12).await;
    let renewal = async {
        while world.reason(Operation::Token) != Some(Reason::Timeout) {
            seconds(1).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(300), renewal).await.expect("a renewal that gets no answer");
    minutes(2).await;
    assert_eq!(world.state().endpoint(Operation::Token).up, Some(true));
}

#[tokio::test(start_paused = true)]
async fn a_token_endpoint_that_many_pbxes_share_is_spared_as_one_origin() {
    let (pbx, transport) = pbx(Generation::V16);
    let login = Url::parse("https://login.example.com").expect("a URL");
    let transport = Arc::into_inner(transport).expect("not shared").with(&login, pbx);
    let (watched, refusals) = watched(&Arc::new(transport));
    let targets = ["a", "b", "c"].map(|name| {
        let mut target = with_wrong_secret(name);
        target.origin = Url::parse(&format!("https://{name}.example.com")).expect("a URL");
        target.auth.origin = Some(login.clone());
        target
    });
    let _world = World::start(watched, targets).await;
    minutes(300).await;
    let refusals = refusals.lock().expect("not poisoned").clone();
    assert!(refusals.len() > 20, "they go on being tried: {}", refusals.len());
    for window in refusals.windows(7) {
        assert!(window[6] - window[0] >= 2400.0, "7 refusals within 2400 s: {window:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_good_target_that_turns_bad_stays_within_the_budget_with_its_follow_up_queries() {
    for fault in [Fault::RejectAllTokens, Fault::ScopeRemoved, Fault::Forbidden, Fault::RewriteBroken] {
        let (pbx, transport) = pbx(Generation::V16);
        pbx.set_token_lifetime(Duration::from_secs(600));
        let (watched, refusals) = watched(&transport);
        let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
        let targets =
            names.map(|name| target(name, &origin(), Grant::ClientCredentials, Call::known("graphql")));
        let _world = World::start(watched, targets).await;
        minutes(5).await;
        pbx.set_fault(Some(fault.clone()));
        minutes(300).await;
        let refusals = refusals.lock().expect("not poisoned").clone();
        assert!(refusals.len() >= 6, "{fault:?}: {}", refusals.len());
        for window in refusals.windows(7) {
            assert!(window[6] - window[0] >= 2400.0, "{fault:?}: 7 refusals within 2400 s: {window:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_denial_waits_five_minutes_and_then_ten() {
    let (pbx, transport) = pbx(Generation::V17);
    pbx.set_fault(Some(Fault::ScopeRemoved));
    let world = World::start(transport, [usual(Grant::ClientCredentials)]).await;
    seconds(5).await;
    assert_eq!(world.reason(Operation::Extensions), Some(Reason::InsufficientScope));
    assert_eq!(world.state().wait, Duration::from_secs(300));
    minutes(5).await;
    assert_eq!((world.state().probes, world.state().wait), (2, Duration::from_secs(600)));
    minutes(10).await;
    assert_eq!((world.state().probes, world.state().wait), (3, Duration::from_secs(600)));
    assert_eq!(world.state().endpoint(Operation::Token).up, Some(true));
}

#[tokio::test(start_paused = true)]
async fn a_transient_failure_is_tried_again_at_the_failure_interval() {
    let (pbx, transport) = pbx(Generation::V16);
    let world = World::start(transport, [usual(Grant::ClientCredentials)]).await;
    seconds(30).await;
    pbx.set_fault(Some(Fault::Html502));
    minutes(1).await;
    assert_eq!(world.state().wait, Duration::from_secs(15));
    let probes = world.state().probes;
    minutes(1).await;
    assert_eq!(world.state().probes, probes + 4);
    assert_eq!(world.state().consecutive_failures, world.state().probe_failures);
    pbx.set_fault(None);
    seconds(15).await;
    let state = world.state();
    assert_eq!((state.up, state.wait, state.consecutive_failures), (Some(true), Duration::from_secs(60), 0));
}

#[tokio::test(start_paused = true)]
async fn throttling_waits_as_long_as_asked_and_is_no_denial() {
    let (pbx, transport) = pbx(Generation::V16);
    let world = World::start(transport, [usual(Grant::ClientCredentials)]).await;
    seconds(30).await;
    pbx.set_fault(Some(Fault::RateLimited(7200)));
    minutes(1).await;
    assert_eq!(world.reason(Operation::Extensions), Some(Reason::RateLimited));
    assert_eq!(world.state().wait, Duration::from_secs(7200));
    let lists = pbx.requests(Operation::Extensions);
    minutes(118).await;
    assert_eq!(pbx.requests(Operation::Extensions), lists);
}

#[tokio::test(start_paused = true)]
async fn the_harmless_query_is_asked_for_every_fourth_failure_of_one_reason() {
    let (pbx, transport) = pbx(Generation::V16);
    let world = World::start(transport, [usual(Grant::ClientCredentials)]).await;
    minutes(3).await;
    assert_eq!(pbx.validity_requests(), 0, "never on a probe that succeeds");
    for _ in 0..2 {
        let before = (pbx.requests(Operation::Extensions), pbx.validity_requests());
        for n in 0..20 {
            // One reason in other words is the same failure.
            pbx.set_fault(Some(if n % 2 == 0 { Fault::Html502 } else { Fault::Http500 }));
            seconds(15).await;
        }
        assert_eq!(world.reason(Operation::Extensions), Some(Reason::ServerError));
        let failures = pbx.requests(Operation::Extensions) - before.0;
        assert!(failures >= 18, "{failures}");
        assert_eq!(pbx.validity_requests() - before.1, failures.div_ceil(4));
        pbx.set_fault(None);
        minutes(1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_harmless_query_told_is_not_said_of_an_outage_that_grows() {
    let (pbx, transport) = pbx(Generation::V17);
    let world = World::start(transport, [usual(Grant::ClientCredentials)]).await;
    minutes(1).await;
    let proven = || world.diagnosis(Operation::Extensions).contains("went well");
    pbx.set_fault(Some(Fault::OfList(find("bad gateway in front of GraphQL", Generation::V17))));
    minutes(1).await;
    assert!(proven());
    pbx.set_fault(Some(Fault::Html502));
    minutes(2).await;
    assert!(!proven(), "{}", world.diagnosis(Operation::Extensions));
}

#[tokio::test(start_paused = true)]
async fn silence_after_refusals_names_a_ban_and_silence_alone_does_not() {
    let silence = TransportError::Timeout { limit: Duration::from_secs(10), phase: Phase::Connect };
    for (refused_before, names_a_ban) in [(true, true), (false, false)] {
        let (pbx, transport) = pbx(Generation::V16);
        pbx.set_fault(refused_before.then_some(Fault::SecretRegenerated));
        let world = World::start(transport.clone(), [usual(Grant::ClientCredentials)]).await;
        minutes(6).await;
        transport.fail(&origin(), Some(silence.clone()));
        // Far beyond the window of the budget: the outage began after refusals and still goes on.
        minutes(120).await;
        // By now any token taken before has expired.
        let operation = Operation::Token;
        assert_eq!(world.reason(operation), Some(Reason::Timeout));
        assert_eq!(
            world.diagnosis(operation).contains("fail2ban"),
            names_a_ban,
            "{}",
            world.diagnosis(operation)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_changed_secret_at_a_reload_ends_the_back_off_and_unchanged_targets_keep_everything() {
    let (pbx, transport) = pbx(Generation::V16);
    let good = target("good", &origin(), Grant::ClientCredentials, Call::known("rest"));
    let world = World::start(transport, [with_wrong_secret("office"), good.clone()]).await;
    seconds(270).await;
    let (requests, before) = (pbx.requests(Operation::Token), world.state_of("good"));
    assert_eq!(world.state().up, Some(false));
    world.replace([usual(Grant::ClientCredentials), good]).await;
    seconds(1).await;
    assert_eq!(world.state().up, Some(true));
    assert_eq!(pbx.requests(Operation::Token), requests + 1);
    let after = world.state_of("good");
    assert_eq!((after.probes, after.last_probe), (before.probes, before.last_probe));
    assert_eq!(after.token, before.token);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_goes_leaves_the_board_and_is_probed_no_more() {
    let (pbx, transport) = pbx(Generation::V16);
    let world = World::start(transport, [usual(Grant::ClientCredentials)]).await;
    minutes(1).await;
    world.replace([]).await;
    assert!(world.board.slots().is_empty());
    let lists = pbx.requests(Operation::Extensions);
    minutes(10).await;
    assert_eq!(pbx.requests(Operation::Extensions), lists);
}

#[tokio::test(start_paused = true)]
async fn the_board_keeps_the_order_of_the_configuration_over_reloads() {
    let (_, transport) = pbx(Generation::V16);
    let usual = |name: &str| target(name, &origin(), Grant::ClientCredentials, Call::known("graphql"));
    let world = World::start(transport, ["b", "a"].map(usual)).await;
    world.replace(["c", "a", "b"].map(usual)).await;
    let names: Vec<_> = world.board.slots().iter().map(|slot| slot.info.name.to_string()).collect();
    assert_eq!(names, ["c", "a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn readiness_waits_for_every_first_probe_but_no_longer_than_a_minute() {
    let (fast, transport) = pbx(Generation::V16);
    let world = World::start(transport, [usual(Grant::ClientCredentials)]).await;
    assert!(!world.is_ready());
    seconds(1).await;
    assert!(world.is_ready() && fast.requests(Operation::Extensions) == 1);

    let (hanging, transport) = pbx(Generation::V16);
    hanging.set_fault(Some(Fault::Hang));
    let mut patient = usual(Grant::ClientCredentials);
    patient.timeout = Duration::from_secs(300);
    let world = World::start(transport, [patient]).await;
    seconds(59).await;
    assert!(!world.is_ready());
    seconds(2).await;
    assert!(world.is_ready());
}

#[tokio::test(start_paused = true)]
async fn hanging_targets_pile_nothing_up_and_leave_other_hosts_alone() {
    let hang = Arc::new(SimPbx::new(Generation::V16, Clock::steered(UNIX)));
    hang.set_fault(Some(Fault::Hang));
    let elsewhere = Url::parse("https://pbx.example.net").expect("a URL");
    let (_, transport) = pbx(Generation::V16);
    let transport = Arc::try_unwrap(transport).expect("not shared yet").with(&elsewhere, hang.clone());
    let hanging = (0..200)
        .map(|n| target(&n.to_string(), &elsewhere, Grant::ClientCredentials, Call::known("graphql")));
    let world = World::start(Arc::new(transport), hanging.chain([usual(Grant::ClientCredentials)])).await;
    minutes(10).await;
    let good = world.state();
    assert_eq!((good.up, good.probe_failures), (Some(true), 0));
    assert!(good.probes >= 10);
    // Four at a time, ten seconds each: 10 minutes hold 240 requests at the most.
    assert!((200..=244).contains(&hang.requests(Operation::Token)), "{}", hang.requests(Operation::Token));
    assert!(counter(&world.metrics, "pbx_exporter_probe_overruns_total") > 0.0);
    assert!(counter(&world.metrics, "pbx_exporter_probes_in_flight") <= 4.0);
}

fn counter(metrics: &ExporterMetrics, name: &str) -> f64 {
    let families = metrics.gather();
    let metric = &families.iter().find(|family| family.name() == name).expect("gathered").get_metric()[0];
    metric.get_counter().get_value() + metric.get_gauge().get_value()
}

/// Panics at the second exchange with an origin whose host begins with `bad`.
fn panicking(inner: &Arc<SimTransport>) -> Arc<dyn Transport> {
    let exchanges = AtomicU64::new(0);
    around(inner, move |sent| {
        let bad = sent.request.url.host_str().is_some_and(|host| host.starts_with("bad"));
        assert!(!(bad && exchanges.fetch_add(1, Ordering::Relaxed) == 1), "made to panic");
        sent.arrive()
    })
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_one_target_is_counted_and_harms_no_other() {
    let bad = Url::parse("https://bad.example.com").expect("a URL");
    let (pbx, transport) = pbx(Generation::V16);
    let transport = Arc::try_unwrap(transport).expect("not shared yet").with(&bad, pbx);
    let targets = [
        usual(Grant::ClientCredentials),
        target("bad", &bad, Grant::ClientCredentials, Call::known("graphql")),
    ];
    let world = World::start(panicking(&Arc::new(transport)), targets).await;
    seconds(5).await;
    assert_eq!(world.state().up, Some(true));
    assert_eq!(world.state_of("bad").up, Some(false));
    let state = world.state_of("bad");
    let condition = state.endpoint(Operation::Extensions).condition.as_ref().expect("a condition");
    assert_eq!((condition.reason, &*condition.cause), (Reason::ExporterError, "panic"));
    assert!(counter(&world.metrics, "pbx_exporter_panics_total") > 0.0);
    assert!(counter(&world.metrics, "pbx_exporter_probes_in_flight") < 1.0);
    minutes(5).await;
    assert_eq!(world.state_of("bad").up, Some(true), "it goes on");
}

#[tokio::test(start_paused = true)]
async fn a_person_who_fixed_something_gets_one_probe_a_minute() {
    let (pbx, transport) = pbx(Generation::V16);
    pbx.set_fault(Some(Fault::SecretRegenerated));
    let world = World::start(transport, [usual(Grant::ClientCredentials)]).await;
    minutes(1).await;
    pbx.set_fault(None);
    assert_eq!(world.handle.probe_now("office".into()).await, ProbeNow::Done);
    assert_eq!(world.state().up, Some(true));
    assert!(
        matches!(world.handle.probe_now("office".into()).await, ProbeNow::TooSoon { retry_after } if retry_after <= Duration::from_secs(60))
    );
    assert_eq!(world.handle.probe_now("nobody".into()).await, ProbeNow::UnknownTarget);
    minutes(1).await;
    assert_eq!(world.handle.probe_now("office".into()).await, ProbeNow::Done);
}

#[tokio::test(start_paused = true)]
async fn even_a_person_cannot_spend_more_than_the_budget() {
    let (pbx, transport) = pbx(Generation::V16);
    pbx.set_fault(Some(Fault::SecretRegenerated));
    let world = World::start(transport, [usual(Grant::ClientCredentials)]).await;
    let mut spent = None;
    for _ in 0..10 {
        seconds(61).await;
        if let ProbeNow::RefusalBudget { retry_after } = world.handle.probe_now("office".into()).await {
            spent = Some(retry_after);
        }
    }
    assert!(spent.is_some_and(|wait| wait > Duration::from_secs(600)));
    assert!(pbx.requests(Operation::Token) <= 6);
}

#[tokio::test(start_paused = true)]
async fn probes_of_many_targets_are_spread_and_keep_their_place() {
    let (pbx, transport) = pbx(Generation::V16);
    let many = (0..1000)
        .map(|n| target(&format!("t{n}"), &origin(), Grant::ClientCredentials, Call::known("graphql")));
    let world = World::start(transport, many).await;
    seconds(1).await;
    let first = pbx.requests(Operation::Extensions);
    assert!((100..300).contains(&first), "{first} of 1000 in the first of five seconds");
    minutes(10).await;
    let state = world.state_of("t7");
    let (probes, last) = (state.probes, state.last_probe.expect("probed"));
    minutes(10).await;
    let state = world.state_of("t7");
    assert_eq!(state.probes, probes + 10);
    assert!((state.last_probe.expect("probed") - last - 600.0).abs() < 1.0, "no drift");
    let lists = pbx.requests(Operation::Extensions);
    seconds(15).await;
    let quarter = pbx.requests(Operation::Extensions) - lists;
    assert!((200..300).contains(&quarter), "{quarter} of 1000 in a quarter of the interval");
}

#[tokio::test(start_paused = true)]
async fn a_target_keeps_its_place_in_the_interval_over_restarts_and_beside_others() {
    let mut places = Vec::new();
    for others in [1, 500] {
        let (_, transport) = pbx(Generation::V16);
        let target =
            |n| target(&format!("t{n}"), &origin(), Grant::ClientCredentials, Call::known("graphql"));
        let world = World::start(transport, (0..others).map(target)).await;
        minutes(5).await;
        places.push(world.state_of("t0").last_probe.expect("probed").rem_euclid(60.0));
        world.stop().await;
    }
    assert!((places[0] - places[1]).abs() < 0.5, "{places:?}");
}

#[tokio::test(start_paused = true)]
async fn the_version_is_asked_only_where_it_is_wanted() {
    for wanted in [false, true] {
        let (pbx, transport) = pbx(Generation::V17);
        let mut target = usual(Grant::ClientCredentials);
        target.version = wanted;
        let world = World::start(transport, [target]).await;
        seconds(5).await;
        assert_eq!(pbx.requests(Operation::Version), u64::from(wanted));
        assert_eq!(world.state().version.is_some(), wanted);
        assert_eq!(world.state().up, Some(true));
    }
}

/// The reason that a whole pass gives for each known answer, the follow-up queries included.
#[tokio::test(start_paused = true)]
async fn every_known_answer_gets_its_reason_through_a_whole_pass() {
    let mut seen = std::collections::BTreeSet::new();
    let table = Table::<Reason>::of_freepbx();
    for fixture in all() {
        let Err(expected) = table.row(fixture.name, fixture.generations).result() else { continue };
        if fixture.operation == Operation::Version
            || matches!(fixture.grant, Grant::RefreshToken | Grant::AuthorizationCode)
        {
            continue;
        }
        let generation = fixture.generations[0];
        let (pbx, transport) = pbx(generation);
        pbx.set_fault(Some(Fault::Fixture(fixture)));
        let grant = if fixture.grant == Grant::Password { Grant::Password } else { Grant::ClientCredentials };
        let called: Called = fixture.called;
        let world = World::start(transport, [target("office", &origin(), grant, called.call())]).await;
        seconds(5).await;
        let reason = world.reason(fixture.operation);
        seen.extend(reason);
        assert_eq!(reason, Some(expected), "{} ({generation:?})", fixture.name);
        assert_eq!(world.state().up, Some(false), "{}", fixture.name);
        world.stop().await;
    }
    let transport_only = |reason: &Reason| {
        reason.is_transport() || matches!(reason, Reason::ResponseTooLarge | Reason::RedirectRefused)
    };
    let missing: Vec<_> =
        Reason::ALL.into_iter().filter(|reason| !seen.contains(reason) && !transport_only(reason)).collect();
    // FreePBX never gives access_denied and user_blocked; tests/it/token.rs has the others.
    let elsewhere =
        [Reason::AuthorizationRequired, Reason::AccessDenied, Reason::UserBlocked, Reason::ExporterError];
    assert_eq!(missing, elsewhere);
}

#[tokio::test(start_paused = true)]
async fn every_transport_failure_gets_its_reason_through_a_whole_pass() {
    let text = || "because".to_owned();
    for (error, reason) in [
        (TransportError::Dns(text()), Reason::Dns),
        (TransportError::Resolver(text()), Reason::Dns),
        (TransportError::Proxy(text()), Reason::Proxy),
        (TransportError::Tunnel(403), Reason::Proxy),
        (TransportError::Tunnel(502), Reason::Connect),
        (TransportError::Here(text()), Reason::Connect),
        (TransportError::Garbled(Garbled::HeaderField), Reason::UnexpectedResponse),
        (TransportError::Connect(text()), Reason::Connect),
        (TransportError::Tls(TlsFault::NotTls), Reason::Tls),
        (
            TransportError::Timeout { limit: Duration::from_secs(1), phase: Phase::Processing },
            Reason::Timeout,
        ),
        (TransportError::ConnectionLost(text()), Reason::ConnectionLost),
        (TransportError::TooLarge(7), Reason::ResponseTooLarge),
        (TransportError::RedirectElsewhere("https://pbx.example.net".into()), Reason::RedirectRefused),
        (TransportError::RedirectLoop, Reason::RedirectRefused),
        (TransportError::Exporter(text()), Reason::ExporterError),
    ] {
        let (_, transport) = pbx(Generation::V16);
        let world = World::start(transport.clone(), [usual(Grant::ClientCredentials)]).await;
        seconds(5).await;
        transport.fail(&origin(), Some(error));
        minutes(2).await;
        assert_eq!(world.reason(Operation::Extensions), Some(reason));
        assert_eq!(world.state().endpoint(Operation::Token).up, Some(true), "it was not asked");
        transport.fail(&origin(), None);
        minutes(1).await;
        assert_eq!(world.state().up, Some(true), "{reason} heals");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_version_query_backs_off_and_leaves_the_list_alone() {
    let (pbx, transport) = pbx(Generation::V17);
    pbx.set_allowed_scopes(&["gql:core:read"]);
    let mut asks = target("asks", &origin(), Grant::ClientCredentials, Call::known("graphql"));
    asks.version = true;
    let world = World::start(transport, [asks, usual(Grant::ClientCredentials)]).await;
    minutes(60).await;
    for name in ["asks", "office"] {
        assert!(world.state_of(name).probes >= 60, "{name}: {}", world.state_of(name).probes);
        assert_eq!(world.state_of(name).up, Some(true));
    }
    let state = world.state_of("asks");
    let condition = state.endpoint(Operation::Version).condition.as_ref().expect("a condition");
    assert_eq!(condition.reason, Reason::InsufficientScope);
    assert_eq!(pbx.requests(Operation::Version), 7, "at 0, 5, 15, 25, 35, 45 and 55 minutes");
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_waits_no_longer_than_the_oldest_refusal_among_many_bad_neighbours() {
    let (_, transport) = pbx(Generation::V16);
    let names = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"];
    let bad = names.map(with_wrong_secret).to_vec();
    let world = World::start(transport, bad.clone()).await;
    minutes(61).await;
    world.replace(bad.into_iter().chain([usual(Grant::ClientCredentials)])).await;
    minutes(41).await;
    assert_eq!(world.state().up, Some(true));
}

#[tokio::test(start_paused = true)]
async fn what_a_spent_budget_keeps_from_being_measured_is_not_shown_as_up() {
    let (pbx, transport) = pbx(Generation::V16);
    let called =
        |name: &str, path| target(name, &origin(), Grant::ClientCredentials, Called::Path(path).call());
    let bad = ["1", "2", "3", "4", "5"].map(with_wrong_secret);
    let turning = called("turning", "/admin/api/api/gql");
    let world =
        World::start(transport.clone(), [usual(Grant::ClientCredentials), turning].into_iter().chain(bad))
            .await;
    seconds(50).await;
    assert_eq!(world.state().up, Some(true));
    pbx.set_fault(Some(Fault::Forbidden));
    minutes(3).await;
    transport.fail(&origin(), Some(TransportError::Connect("refused".into())));
    minutes(3).await;
    for name in ["office", "turning"] {
        let state = world.state_of(name);
        assert_ne!(state.up, Some(true), "{name}");
        assert!(state.up == Some(false) || state.put_off.is_some_and(|until| until > UNIX + 400.0), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_looks_like_a_refusal_is_not_repeated_at_the_failure_interval() {
    for name in ["a password in front of the token endpoint", "a password in front"] {
        let fixture = all().find(|fixture| fixture.name == name).expect("a fixture of that name");
        let (pbx, transport) = pbx(fixture.generations[0]);
        pbx.set_fault(Some(Fault::Fixture(fixture)));
        let world = World::start(transport, [usual(Grant::ClientCredentials)]).await;
        seconds(5).await;
        assert_eq!(world.state().wait, Duration::from_secs(300), "{name}");
        assert_eq!(world.reason(fixture.operation), Some(Reason::UnexpectedResponse));
    }
}

#[tokio::test(start_paused = true)]
async fn a_denied_neighbour_is_no_sign_of_a_ban() {
    let (_, transport) = pbx(Generation::V16);
    let path = Called::Path("/admin/api/api/extensions").call();
    let declined = target("declined", &origin(), Grant::ClientCredentials, path);
    let world = World::start(transport.clone(), [usual(Grant::ClientCredentials), declined]).await;
    minutes(3).await;
    transport.fail(&origin(), Some(TransportError::Connect("connection refused".into())));
    minutes(3).await;
    assert_eq!(world.reason(Operation::Extensions), Some(Reason::Connect));
    assert!(!world.diagnosis(Operation::Extensions).contains("fail2ban"));
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_of_a_503_is_honoured_also_where_a_secret_is_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("secret");
    std::fs::write(&path, pbx_exporter::sim::target::SECRET).expect("written");
    let (pbx, transport) = pbx(Generation::V16);
    let mut office = usual(Grant::ClientCredentials);
    office.auth.client_secret = Some(SecretSource::File(path));
    let world = World::start(busy(&transport), [office]).await;
    minutes(5).await;
    assert_eq!(world.reason(Operation::Extensions), Some(Reason::ServerError));
    assert_eq!(pbx.requests(Operation::Extensions), 1);
}

/// Answers each list with a 503 that asks for ten minutes.
fn busy(inner: &Arc<SimTransport>) -> Arc<dyn Transport> {
    around(inner, |sent| async {
        let list = sent.request.url.path().ends_with("/gql");
        let mut exchange = sent.arrive().await;
        if let (true, Ok(answer)) = (list, &mut exchange.result) {
            answer.status = http::StatusCode::SERVICE_UNAVAILABLE;
            answer.body = bytes::Bytes::new();
            answer.headers.insert("retry-after", http::HeaderValue::from_static("600"));
            exchange.status = Some(answer.status);
        }
        exchange
    })
}

#[tokio::test(start_paused = true)]
async fn limits_told_only_while_throttled_go_with_the_next_answer() {
    let (pbx, transport) = pbx(Generation::V16);
    pbx.set_fault(Some(Fault::RateLimited(60)));
    let world = World::start(transport, [usual(Grant::ClientCredentials)]).await;
    minutes(2).await;
    pbx.set_fault(None);
    minutes(3).await;
    let state = world.state();
    assert_eq!((state.up, state.rate_limit_remaining, state.rate_limit_reset), (Some(true), None, None));
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_target_that_goes_learns_so() {
    let (pbx, transport) = pbx(Generation::V16);
    pbx.set_fault(Some(Fault::Hang));
    let world = World::start(transport, [usual(Grant::ClientCredentials)]).await;
    seconds(1).await;
    let handle = world.handle.clone();
    let (reply, ()) = tokio::join!(handle.probe_now("office".into()), async {
        seconds(1).await;
        world.replace([]).await;
    });
    assert_eq!(reply, ProbeNow::UnknownTarget);
}

#[tokio::test(start_paused = true)]
async fn probes_in_flight_are_limited_overall() {
    let (pbx, transport) = pbx(Generation::V16);
    pbx.set_fault(Some(Fault::Hang));
    let (mut transport, mut targets) = (Arc::try_unwrap(transport).expect("not shared yet"), Vec::new());
    for n in 0..150 {
        let elsewhere = Url::parse(&format!("https://pbx{n}.example.com")).expect("a URL");
        transport = transport.with(&elsewhere, pbx.clone());
        targets.push(target(&n.to_string(), &elsewhere, Grant::ClientCredentials, Call::known("graphql")));
    }
    let world = World::start(Arc::new(transport), targets).await;
    seconds(5).await;
    assert_eq!(pbx.requests(Operation::Token), 100);
    assert!((counter(&world.metrics, "pbx_exporter_probes_in_flight") - 100.0).abs() < 0.5);
}

#[tokio::test(start_paused = true)]
async fn a_target_leaves_one_php_session_however_often_it_is_probed() {
    let (pbx, transport) = pbx(Generation::V16);
    let other = target("other", &origin(), Grant::ClientCredentials, Call::known("graphql"));
    let _world = World::start(transport, [usual(Grant::ClientCredentials), other]).await;
    minutes(3 * 60).await;
    assert!(pbx.requests(Operation::Extensions) >= 350);
    assert_eq!(pbx.sessions(), 2);
}
