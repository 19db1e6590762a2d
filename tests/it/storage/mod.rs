//! Tokens on disk, as the keeper uses them: restarts, kills, lost answers, confirmations. Virtual time.

mod answer;
mod full_disk;
mod handover;
mod keeper;
mod kill;
mod killed;
mod owner;
mod refused;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pbx_exporter::budget::Origin;
use pbx_exporter::causes;
use pbx_exporter::clock::Clock;
use pbx_exporter::domain::outcome::Outcome;
use pbx_exporter::domain::{Failure, Grant, Operation, Reason, Target};
use pbx_exporter::probe::Probe;
use pbx_exporter::sim::{Generation, SimPbx, SimTransport};
use pbx_exporter::store::{Disk, Folder, Found, Store};
use pbx_exporter::transport::Transport;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::support::person::{confirm, settings};
use crate::support::world::{UNIX, minutes, pbx, usual};

/// A PBX, a folder for tokens, and a clock that both lives of the exporter share.
struct Place {
    folder: TempDir,
    pbx: Arc<SimPbx>,
    transport: Arc<SimTransport>,
    clock: Clock,
}

/// One life of the exporter, from its start to its end.
struct Life {
    probe: Probe,
}

impl Place {
    fn new() -> Self {
        let (pbx, transport) = pbx(Generation::V17);
        let folder = tempfile::tempdir().expect("a folder");
        Self { folder, pbx, transport, clock: Clock::steered(UNIX) }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Starts the exporter over this storage and transport.
    fn start_with(&self, target: Target, store: Arc<Store>, transport: Arc<dyn Transport>) -> Life {
        let origin = Arc::new(Origin::new(1000, Duration::from_secs(2400)));
        let probe = Probe::new(Arc::new(target), None, transport, origin, self.clock);
        Life { probe: probe.keeping_tokens(Some(store)) }
    }

    fn start(&self, target: Target) -> Life {
        let store = Arc::new(Store::new(&settings(self.path())));
        self.start_with(target, store, self.transport.clone())
    }

    /// A person confirms access for the usual target by the command.
    async fn confirm(&self) {
        let store = Arc::new(Store::new(&settings(self.path())));
        let target = usual(Grant::AuthorizationCode);
        let granted = confirm(&*self.pbx, &*self.transport, &target, &store, self.clock).await;
        assert!(granted.expect("confirmed").renewable);
    }

    fn refreshes(&self) -> u64 {
        self.pbx.token_requests_by_grant(Grant::RefreshToken)
    }
}

impl Life {
    async fn pass(&self) -> Outcome {
        self.probe.pass(&CancellationToken::new()).await.expect("an outcome")
    }

    /// One pass that gets the list.
    async fn works(&self, when: &str) {
        let outcome = self.pass().await;
        assert!(outcome.is_success(), "{when}: {:?}", outcome.token);
    }

    /// One pass that gets no token; why.
    async fn fails(&self) -> Failure {
        self.pass().await.token.expect("news").expect_err("a failure")
    }

    /// One pass that finds nothing left to ask with; what a person is told.
    async fn wants_a_person(&self) -> String {
        let failure = self.fails().await;
        assert_eq!(failure.reason(), Reason::AuthorizationRequired, "{failure:?}");
        self.told(&failure)
    }

    /// What a person is told of a failure at the token endpoint.
    fn told(&self, failure: &Failure) -> String {
        causes::explain(self.probe.target(), Operation::Token, failure).diagnosis()
    }
}

/// Files that others left.
fn left_in_handover(place: &Place) -> usize {
    std::fs::read_dir(place.path().join("tokens/handover")).expect("a folder").count()
}

/// A confirmed target after its first pass.
async fn confirmed() -> (Place, Life) {
    let place = Place::new();
    place.confirm().await;
    let life = place.start(usual(Grant::AuthorizationCode));
    life.works("first").await;
    (place, life)
}

/// The same when a renewal is due.
async fn due() -> (Place, Life) {
    let confirmed = confirmed().await;
    minutes(56).await;
    confirmed
}

/// One writing step on a disk.
struct Step<'a> {
    name: &'static str,
    /// All of it.
    whole: &'a dyn Fn() -> io::Result<()>,
    /// What is left of it where it is cut off.
    torn: &'a dyn Fn(),
}

/// A real folder on which each writing step is what a closure makes of it.
struct Stepwise<F>(Folder, F);

impl<F> std::fmt::Debug for Stepwise<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stepwise")
    }
}

impl Place {
    /// The storage on such a folder.
    fn stepwise(&self, step: impl Fn(Step<'_>) -> io::Result<()> + Send + Sync + 'static) -> Arc<Store> {
        let settings = settings(self.path());
        Arc::new(Store::on(Arc::new(Stepwise(Folder::new(&settings.path), step)), &settings))
    }
}

impl<F: Fn(Step<'_>) -> io::Result<()> + Send + Sync> Stepwise<F> {
    fn act(&self, name: &'static str, whole: &dyn Fn() -> io::Result<()>) -> io::Result<()> {
        (self.1)(Step { name, whole, torn: &|| {} })
    }
}

impl<F: Fn(Step<'_>) -> io::Result<()> + Send + Sync> Disk for Stepwise<F> {
    fn read(&self, name: &str) -> io::Result<Option<Found>> {
        self.0.read(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let torn = || self.0.write(name, &bytes[..bytes.len() / 2]).expect("writable");
        (self.1)(Step { name: "write", whole: &|| self.0.write(name, bytes), torn: &torn })
    }

    fn sync(&self, name: &str) -> io::Result<()> {
        self.act("sync", &|| self.0.sync(name))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.act("rename", &|| self.0.rename(from, to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.act("remove", &|| self.0.remove(name))
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        self.act("sync folder", &|| self.0.sync_folder(folder))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.0.list(folder)
    }
}
