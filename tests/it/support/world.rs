//! The real scheduler, probes and board over simulated PBXes without sockets: paused tokio time steers
//! everything, so hours pass in milliseconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pbx_exporter::board::{Board, TargetState};
use pbx_exporter::clock::Clock;
use pbx_exporter::config::Limits;
use pbx_exporter::domain::target::{Call, ClientSettings};
use pbx_exporter::domain::{Exchange, Grant, Operation, Reason, Request, Target};
use pbx_exporter::metrics::ExporterMetrics;
use pbx_exporter::schedule::{Handle, Parts, Scheduler};
use pbx_exporter::sim::SimPbx;
use pbx_exporter::sim::SimTransport;
use pbx_exporter::sim::fixtures::Generation;
use pbx_exporter::sim::target::target;
use pbx_exporter::store::Store;
use pbx_exporter::transport::{self, ExchangeFuture, Transport};
use tokio_util::sync::CancellationToken;
use url::Url;

/// Where the one PBX of most tests is.
pub const ORIGIN: &str = "https://pbx.example.com";
/// Wall time at the start.
pub const UNIX: f64 = 1_800_000_000.0;

/// A running scheduler.
pub struct World {
    pub board: Arc<Board>,
    pub metrics: Arc<ExporterMetrics>,
    pub handle: Handle,
    pub ready: Arc<AtomicBool>,
    pub cancel: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

/// Passes virtual time.
pub async fn minutes(count: u64) {
    tokio::time::sleep(Duration::from_secs(count * 60)).await;
}

/// Passes virtual time.
pub async fn seconds(count: u64) {
    tokio::time::sleep(Duration::from_secs(count)).await;
}

pub fn origin() -> Url {
    Url::parse(ORIGIN).expect("a URL")
}

/// One PBX at [`ORIGIN`] and a way to it.
pub fn pbx(generation: Generation) -> (Arc<SimPbx>, Arc<SimTransport>) {
    let pbx = Arc::new(SimPbx::new(generation, Clock::steered(UNIX)));
    let transport = Arc::new(SimTransport::default().with(&origin(), pbx.clone()));
    (pbx, transport)
}

/// A request on its way to a simulated PBX.
pub struct Sent {
    pub request: Request,
    limits: transport::Limits,
    inner: Arc<SimTransport>,
}

impl Sent {
    /// What the PBX makes of it.
    pub async fn arrive(self) -> Exchange {
        self.inner.exchange(&ClientSettings::default(), self.limits, self.request).await
    }

    pub fn is_for_token(&self) -> bool {
        self.request.url.path().ends_with("/token")
    }
}

/// See [`around`].
pub struct Around<F>(Arc<SimTransport>, F);

/// A way to simulated PBXes on which each exchange is what `exchange` makes of it.
pub fn around<F, R>(inner: &Arc<SimTransport>, exchange: F) -> Arc<Around<F>>
where
    F: Fn(Sent) -> R,
    R: Future<Output = Exchange>,
{
    Arc::new(Around(inner.clone(), exchange))
}

impl<F, R> Transport for Around<F>
where
    F: Fn(Sent) -> R + Send + Sync,
    R: Future<Output = Exchange> + Send + 'static,
{
    fn exchange<'a>(
        &'a self,
        _: &'a ClientSettings,
        limits: transport::Limits,
        request: Request,
    ) -> ExchangeFuture<'a> {
        Box::pin(self.1(Sent { request, limits, inner: self.0.clone() }))
    }
}

/// The usual target at [`ORIGIN`].
pub fn usual(grant: Grant) -> Target {
    target("office", &origin(), grant, Call::known("graphql"))
}

impl World {
    /// Starts the scheduler with these targets.
    pub fn start(
        transport: Arc<dyn Transport>,
        targets: impl IntoIterator<Item = Target>,
    ) -> impl Future<Output = Self> {
        // Not the array itself, which is large.
        Self::start_with(transport, None, targets.into_iter().collect::<Vec<_>>())
    }

    /// The same with tokens kept in `store`.
    #[expect(clippy::disallowed_methods, reason = "the handle is kept and awaited by `stop`")]
    pub async fn start_with(
        transport: Arc<dyn Transport>,
        store: Option<Arc<Store>>,
        targets: impl IntoIterator<Item = Target>,
    ) -> Self {
        let (board, metrics) = (Arc::new(Board::default()), ExporterMetrics::new());
        let (ready, cancel) = (Arc::new(AtomicBool::new(false)), CancellationToken::new());
        let parts = Parts {
            store,
            transport,
            board: board.clone(),
            metrics: metrics.clone(),
            clock: Clock::steered(UNIX),
            ready: ready.clone(),
            cancel: cancel.clone(),
        };
        let (scheduler, handle) = Scheduler::new(parts, Limits::default());
        let task = tokio::spawn(scheduler.run());
        let world = Self { board, metrics, handle, ready, cancel, task };
        world.replace(targets).await;
        world
    }

    pub async fn replace(&self, targets: impl IntoIterator<Item = Target>) {
        self.handle.replace(targets.into_iter().map(Arc::new).collect(), Limits::default()).await;
    }

    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    /// The state of the target of that name.
    pub fn state_of(&self, name: &str) -> Arc<TargetState> {
        let slots = self.board.slots();
        slots.iter().find(|slot| &*slot.info.name == name).expect("a target of that name").state()
    }

    /// The state of the usual target.
    pub fn state(&self) -> Arc<TargetState> {
        self.state_of("office")
    }

    /// What is wrong at that endpoint of the usual target.
    pub fn reason(&self, operation: Operation) -> Option<Reason> {
        self.state().endpoint(operation).condition.as_ref().map(|condition| condition.reason)
    }

    /// What a person is told of it.
    pub fn diagnosis(&self, operation: Operation) -> String {
        let state = self.state();
        state.endpoint(operation).condition.as_ref().map(|c| c.diagnosis.to_string()).unwrap_or_default()
    }

    pub async fn stop(self) {
        self.cancel.cancel();
        self.task.await.expect("the scheduler does not panic");
    }
}
