//! The scheduler over transports that panic or never answer; virtual time.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use pbx_exporter::board::Board;
use pbx_exporter::clock::Clock;
use pbx_exporter::config::Limits;
use pbx_exporter::control::ProbeNow;
use pbx_exporter::domain::target::Call;
use pbx_exporter::domain::{Grant, Operation, Reason, SecretSource, Target};
use pbx_exporter::exposition::{Coding, Format};
use pbx_exporter::metrics::{ExporterMetrics, Kept, Scrape};
use pbx_exporter::schedule::{Handle, Parts, Scheduler};
use pbx_exporter::sim::{Fault, Generation, SimPbx, SimTransport, target};
use pbx_exporter::transport::Transport;
use tokio::task::yield_now;
use tokio::time::{advance, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{SECOND, of};
use crate::support::process::value;
use crate::support::scrape::chunks;
use crate::support::world::{UNIX, around};

struct Running {
    handle: Handle,
    board: Arc<Board>,
    metrics: Arc<ExporterMetrics>,
    /// How often the scheduler's task ran.
    polls: Arc<AtomicUsize>,
}

fn start(transport: Arc<dyn Transport>) -> Running {
    let (board, metrics) = (Arc::new(Board::default()), ExporterMetrics::new());
    let parts = Parts {
        store: None,
        transport,
        board: board.clone(),
        metrics: metrics.clone(),
        clock: Clock::steered(UNIX),
        ready: Arc::default(),
        cancel: CancellationToken::new(),
    };
    let (scheduler, handle) = Scheduler::new(parts, Limits::default());
    let polls = Arc::new(AtomicUsize::new(0));
    let (counted, mut run) = (polls.clone(), Box::pin(scheduler.run()));
    TaskTracker::new().spawn(poll_fn(move |context| {
        counted.fetch_add(1, Ordering::SeqCst);
        run.as_mut().poll(context)
    }));
    Running { handle, board, metrics, polls }
}

impl Running {
    fn value(&self, series: &str) -> Option<f64> {
        let scrape =
            Scrape::new(&self.board, &self.metrics, &Kept::default(), Format::Text, Coding::Identity)
                .expect("a scrape");
        value(&String::from_utf8(chunks(scrape).concat()).expect("text"), series)
    }
}

fn at(host: &str) -> Arc<Target> {
    let origin = format!("http://{host}.example.com").parse().expect("an address");
    Arc::new(target::target(host, &origin, Grant::ClientCredentials, Call::known("graphql")))
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_counted_shown_and_harms_no_other_target() {
    let targets = vec![at("good"), at("bad")];
    let pbx = || Arc::new(SimPbx::new(Generation::V17, Clock::steered(UNIX)));
    let inner = targets.iter().fold(SimTransport::default(), |all, t| all.with(&t.origin, pbx()));
    let panics = Arc::new(AtomicBool::new(true));
    let told_to = panics.clone();
    let running = start(around(&Arc::new(inner), move |sent| {
        let bad = sent.request.url.host_str() == Some("bad.example.com");
        assert!(!(bad && told_to.load(Ordering::SeqCst)), "a test's panic");
        sent.arrive()
    }));
    running.handle.replace(targets, Limits::default()).await;

    sleep(SECOND).await;
    let condition = |target| {
        let condition = "operation=\"extensions\",reason=\"exporter_error\"";
        format!("pbx_target_condition{{target=\"{target}\",{condition}}}")
    };
    assert_eq!(running.value("pbx_exporter_panics_total"), Some(1.0));
    assert_eq!(running.value("pbx_exporter_probes_in_flight"), Some(0.0));
    assert_eq!(running.value(&of("pbx_up", "bad")), Some(0.0));
    assert_eq!(running.value(&of("pbx_probe_failures_total", "bad")), Some(1.0));
    assert_eq!(running.value(&condition("bad")), Some(1.0));
    assert_eq!(running.value(&of("pbx_up", "good")), Some(1.0));
    assert_eq!(running.value(&condition("good")), None);
    let told: BTreeSet<_> =
        running.board.slots().iter().filter_map(|slot| Some(slot.state().condition()?.1.reason)).collect();
    assert_eq!(told, BTreeSet::from([Reason::ExporterError]));

    sleep(61 * SECOND).await;
    assert_eq!(running.value(&of("pbx_probes_total", "good")), Some(2.0));
    assert_eq!(running.value("pbx_exporter_panics_total"), Some(1.0));
    sleep(240 * SECOND).await;
    assert_eq!(
        running.value("pbx_exporter_panics_total"),
        Some(2.0),
        "every 5 minutes: the PBX may have refused"
    );
    panics.store(false, Ordering::SeqCst);
    assert_eq!(running.handle.probe_now("bad".into()).await, ProbeNow::Done);
    assert_eq!(running.value(&of("pbx_up", "bad")), Some(1.0));
    assert_eq!(running.board.slots()[1].state().endpoint(Operation::Token).up, Some(true));
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_hangs_leaves_the_timetable_idle() {
    let running = start(around(&Arc::default(), |_| std::future::pending()));
    running.handle.replace(vec![at("silent")], Limits::default()).await;
    sleep(SECOND).await;
    assert_eq!(running.value("pbx_exporter_probes_in_flight"), Some(1.0));
    advance(Duration::from_secs(600)).await;
    let before = running.polls.load(Ordering::SeqCst);
    for _ in 0..100 {
        yield_now().await;
    }
    let woken = running.polls.load(Ordering::SeqCst) - before;
    assert!(woken < 10, "woken {woken} times with nothing to do");
}

#[tokio::test(start_paused = true)]
async fn a_fixed_secret_file_ends_the_back_off_while_the_old_token_serves() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("secret.txt");
    std::fs::write(&file, target::SECRET).expect("a file");
    let mut watched = Target::clone(&at("hq"));
    watched.auth.client_secret = Some(SecretSource::File(file.clone()));
    let pbx = Arc::new(SimPbx::new(Generation::V17, Clock::steered(UNIX)));
    let transport = SimTransport::default().with(&watched.origin, pbx.clone());
    let running = start(Arc::new(transport));
    running.handle.replace(vec![Arc::new(watched)], Limits::default()).await;
    sleep(60 * SECOND).await;
    pbx.set_fault(Some(Fault::SecretRegenerated));
    sleep(900 * SECOND).await;
    let token_up = "pbx_endpoint_up{target=\"hq\",operation=\"token\"}";
    assert_eq!(running.value(token_up), Some(0.0));
    assert_eq!(running.value(&of("pbx_up", "hq")), Some(1.0), "the old token serves");
    assert_eq!(pbx.requests(Operation::Token), 2);
    // What the simulator's regenerated secret is.
    std::fs::write(&file, "regenerated-made-up-secret-00001").expect("a file");
    sleep(61 * SECOND).await;
    assert_eq!(running.value(token_up), Some(1.0));
    assert_eq!(pbx.requests(Operation::Token), 3);
}
