//! A real process that the kernel kills at each step on the disk: the test program itself, started once more, adopts a
//! confirmation and rotates its refresh token against a PBX of the process that started it.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pbx_exporter::budget::Origin;
use pbx_exporter::clock::Clock;
use pbx_exporter::domain::{Grant, Reason, Target};
use pbx_exporter::probe::Probe;
use pbx_exporter::sim::{SimRingme, SimServer};
use pbx_exporter::store::{Folder, Store};
use pbx_exporter::transport::HttpTransport;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{Life, Stepwise};
use crate::support::person::{confirm, settings};

const NAME: &str = "storage::killed::a_process_killed_at_any_step_leaves_what_the_next_one_needs";
/// Folder, address of the PBX, and before which step it ends.
const CHILD: [&str; 3] = ["PBX_TEST_FOLDER", "PBX_TEST_PBX", "PBX_TEST_STEP"];

fn target(origin: &Url) -> Target {
    pbx_exporter::sim::ringme::target("office", origin, Grant::AuthorizationCode)
}

fn start(origin: &Url, store: Store) -> Life {
    let budget = Arc::new(Origin::new(1000, Duration::from_secs(2400)));
    let transport = Arc::new(HttpTransport::new());
    let probe = Probe::new(Arc::new(target(origin)), None, transport, budget, Clock::System);
    Life { probe: probe.keeping_tokens(Some(Arc::new(store))) }
}

/// The life of the process that is killed; it ends by itself where there is no such step.
async fn live(folder: &Path, origin: &Url, dies: usize) {
    let settings = settings(folder);
    let (taken, log) = (AtomicUsize::new(0), folder.join("steps"));
    let disk = Stepwise(Folder::new(&settings.path), move |step: super::Step<'_>| {
        if taken.fetch_add(1, Ordering::SeqCst) == dies {
            let pid = std::process::id().to_string();
            Command::new("kill").args(["-KILL", &pid]).status().expect("a signal");
            loop {
                std::thread::park();
            }
        }
        let done = std::fs::read_to_string(&log).unwrap_or_default();
        std::fs::write(&log, format!("{done}{}\n", step.name)).expect("written");
        (step.whole)()
    });
    let life = start(origin, Store::on(Arc::new(disk), &settings));
    let outcome = life.probe.pass(&CancellationToken::new()).await.expect("an outcome");
    assert!(outcome.is_success(), "{:?}", outcome.token);
}

/// What was done, and whether a signal ended it.
fn run_child(folder: &Path, origin: &Url, dies: usize) -> (Vec<String>, bool) {
    use std::os::unix::process::ExitStatusExt as _;
    let values = [folder.display().to_string(), origin.to_string(), dies.to_string()];
    let child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", NAME])
        .envs(CHILD.into_iter().zip(values))
        .output()
        .expect("started");
    let killed = child.status.signal() == Some(9);
    assert!(killed || child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    let steps = std::fs::read_to_string(folder.join("steps")).unwrap_or_default();
    (steps.lines().map(str::to_owned).collect(), killed)
}

/// One such life, and a pass of the next one: the steps, whether it was killed, and whether the next one gets on.
async fn killed_before(dies: usize) -> (Vec<String>, bool, bool) {
    let folder = tempfile::tempdir().expect("a folder");
    let pbx = Arc::new(SimRingme::new(Clock::System));
    let server = SimServer::start(pbx.clone()).await.expect("a port");
    let (command, target) = (Arc::new(Store::new(&settings(folder.path()))), target(server.origin()));
    confirm(&*pbx, &HttpTransport::new(), &target, &command, Clock::System).await.expect("confirmed");
    // The access token is refused, so that the first pass needs another.
    pbx.end_tokens();
    let (path, origin) = (folder.path().to_owned(), server.origin().clone());
    let child = tokio::task::spawn_blocking(move || run_child(&path, &origin, dies));
    let (steps, killed) = child.await.expect("no panic");
    let life = start(server.origin(), Store::new(&settings(folder.path())));
    let outcome = life.pass().await;
    let goes_on = outcome.is_success();
    if !goes_on {
        let failure = outcome.token.expect("news").expect_err("a failure");
        assert_eq!(failure.reason(), Reason::AuthorizationRequired, "{failure:?}");
        assert!(
            life.told(&failure).contains("pbx_exporter was stopped during the refresh of"),
            "{failure:?}"
        );
    }
    drop(life);
    server.stop().await;
    (steps, killed, goes_on)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_killed_at_any_step_leaves_what_the_next_one_needs() {
    if let [Ok(folder), Ok(origin), Ok(step)] = CHILD.map(std::env::var) {
        let origin = Url::parse(&origin).expect("an address");
        return live(Path::new(&folder), &origin, step.parse().expect("a number")).await;
    }
    let (steps, killed, goes_on) = killed_before(usize::MAX).await;
    assert!(!killed && goes_on, "{steps:?}");
    // Three files are written: what was confirmed, that the refresh token is about to be spent, what came for it.
    let writes: Vec<_> = (0..steps.len()).filter(|at| steps[*at] == "write").collect();
    assert_eq!(writes.len(), 3, "{steps:?}");
    let mut lost = Vec::new();
    for dies in 0..steps.len() {
        let (taken, killed, goes_on) = killed_before(dies).await;
        assert!(killed, "before step {dies} of {steps:?}");
        assert_eq!(taken, steps[..dies]);
        if !goes_on {
            lost.push(dies);
        }
    }
    assert_eq!(lost, [writes[2]], "only what had not reached the disk is lost: {steps:?}");
}
