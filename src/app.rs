//! The only place that builds clock, transport, board, scheduler and router, and starts and stops
//! them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::board::Board;
use crate::clock::Clock;
use crate::config::Config;
use crate::control::{BoxFuture, Control, ProbeNow};
use crate::logfile;
use crate::metrics::ExporterMetrics;
use crate::schedule::{Handle, Parts, Scheduler};
use crate::transport::HttpTransport;
use crate::web;

/// A stop takes no longer than this, whatever hangs; a second is left for a slow machine to exit within 5.
const STOP_WITHIN: Duration = Duration::from_secs(4);
/// And the listener with its connections, after that.
const CLOSE_WITHIN: Duration = Duration::from_millis(500);

/// Gives the configuration as it is now; the error is the whole text for people.
pub type Loader = Arc<dyn Fn() -> Result<Config, String> + Send + Sync>;

/// What to start.
pub struct Setup {
    /// The first configuration.
    pub config: Config,
    /// How a reload gets the next one.
    pub loader: Loader,
    /// Where to listen; bound by the caller, who so learns early of a port in use.
    pub listener: TcpListener,
    /// The path of the exposition.
    pub telemetry_path: String,
    /// The exporter's own counters, which the log layer shares.
    pub metrics: Arc<ExporterMetrics>,
}

/// The running service.
pub struct App {
    passes: TaskTracker,
    web: TaskTracker,
    cancel: CancellationToken,
    close: CancellationToken,
    control: Arc<AppControl>,
}

impl App {
    /// Starts everything.
    ///
    /// # Errors
    /// A telemetry path that cannot be, or no thread to serve from.
    pub async fn start(setup: Setup) -> anyhow::Result<Self> {
        web::check_telemetry_path(&setup.telemetry_path)
            .map_err(|text| anyhow!("failed to use --web.telemetry-path: {text}"))?;
        let (passes, web) = (TaskTracker::new(), TaskTracker::new());
        let (cancel, close) = (CancellationToken::new(), CancellationToken::new());
        let transport = Arc::new(HttpTransport::new());
        let board = Arc::new(Board::default());
        let ready = Arc::new(AtomicBool::new(false));
        let parts = Parts {
            transport: transport.clone(),
            board: board.clone(),
            metrics: setup.metrics.clone(),
            clock: Clock::System,
            ready: ready.clone(),
            cancel: cancel.clone(),
        };
        let (scheduler, handle) = Scheduler::new(parts, setup.config.limits);
        passes.spawn(scheduler.run());
        let metrics = setup.metrics.clone();
        let panicked = move || metrics.panicked();
        passes.spawn(logfile::follow(board.clone(), Clock::System, cancel.clone(), panicked));
        let control = Arc::new(AppControl {
            handle,
            transport,
            loader: setup.loader,
            ready,
            cancel: cancel.clone(),
            metrics: setup.metrics.clone(),
            reloading: Mutex::new(()),
        });
        control.apply(setup.config).await;
        let router = web::router(web::WebState {
            board,
            exporter: setup.metrics,
            clock: Clock::System,
            control: control.clone(),
            telemetry_path: setup.telemetry_path,
        })
        .map_err(anyhow::Error::msg)?;
        let listener = setup.listener.into_std()?;
        let closed = close.clone();
        apart(web.track_future(async move {
            match TcpListener::from_std(listener) {
                Ok(listener) => web::serve(listener, router, closed).await,
                Err(error) => tracing::error!(%error, "failed to listen on the thread that serves"),
            }
        }))?;
        Ok(Self { passes, web, cancel, close, control })
    }

    /// What may be triggered from outside.
    pub fn control(&self) -> Arc<dyn Control> {
        self.control.clone()
    }

    /// Stops: readiness drops, token requests under way are awaited, everything else is cancelled; the
    /// pages go last. `false` where something had to be left behind to be in time.
    pub async fn stop(self) -> bool {
        self.cancel.cancel();
        self.passes.close();
        let passes = tokio::time::timeout(STOP_WITHIN, self.passes.wait()).await;
        self.close.cancel();
        self.web.close();
        let web = tokio::time::timeout(CLOSE_WITHIN, self.web.wait()).await;
        passes.is_ok() && web.is_ok()
    }
}

/// Runs `web` on a thread of its own: a large scrape delays no probe, and what probes take does not delay it.
fn apart(web: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new()
        .name("web".into())
        .spawn(move || runtime.block_on(web))
        .context("failed to start the thread that serves")?;
    Ok(())
}

struct AppControl {
    handle: Handle,
    transport: Arc<HttpTransport>,
    loader: Loader,
    ready: Arc<AtomicBool>,
    cancel: CancellationToken,
    metrics: Arc<ExporterMetrics>,
    reloading: Mutex<()>,
}

impl AppControl {
    async fn apply(&self, config: Config) {
        for note in &config.notes {
            tracing::info!("{note}");
        }
        for line in &config.unreadable {
            tracing::error!(
                "{line}; until then the targets that use it show exporter_error, the others are watched"
            );
        }
        for warning in &config.warnings {
            tracing::warn!("{warning}");
        }
        let targets = config.targets.clone();
        self.handle.replace(config.targets, config.limits).await;
        self.transport.retain(&targets.iter().map(|target| &target.client).collect::<Vec<_>>());
        self.metrics.reloaded(Ok(Clock::System.unix()));
        tracing::info!(targets = targets.len(), "configuration in force");
    }
}

impl Control for AppControl {
    fn ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed) && !self.cancel.is_cancelled()
    }

    fn reload(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async {
            let _one_at_a_time = self.reloading.lock().await;
            let loader = self.loader.clone();
            // It reads files, and a large configuration takes its time: no event loop waits for it.
            let result = tokio::task::spawn_blocking(move || loader()).await;
            match result
                .unwrap_or_else(|_| Err("reading the configuration panicked; please report it".into()))
            {
                Ok(config) => {
                    self.apply(config).await;
                    Ok(())
                }
                Err(error) => {
                    self.metrics.reloaded(Err(()));
                    tracing::error!(%error, "failed to reload the configuration; the old one stays in force");
                    Err(error)
                }
            }
        })
    }

    fn probe_now(&self, target: &str) -> BoxFuture<'_, ProbeNow> {
        let target = target.to_owned();
        Box::pin(self.handle.probe_now(target))
    }
}
