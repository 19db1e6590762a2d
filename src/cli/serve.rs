//! The service: reads the configuration, starts everything, obeys signals.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::task::TaskTracker;

use super::check::load;
use super::{DEFAULT_ADDRESS, Options, limit_core_dumps};
use crate::app::{App, Loader, Setup};
use crate::config::Config;
use crate::listener::{Pulse, Settings, Socket};
use crate::metrics::ExporterMetrics;
use crate::shutdown::{Asked, Signals};
use crate::systemd;

pub(super) async fn run(options: &Options, metrics: Arc<ExporterMetrics>) -> anyhow::Result<ExitCode> {
    limit_core_dumps(options);
    let signals = Signals::listen().context("failed to listen for signals")?;
    let (patterns, flags) = (options.config_file.clone(), options.web.clone());
    let loader: Loader = Arc::new(move || {
        let loaded = load(&patterns, &|name| std::env::var(name).ok());
        loaded.and_then(|config| flags.with_external_url(config).map_err(|error| vec![error])).map_err(
            |errors| errors.into_iter().map(|error| format!("error: {error}")).collect::<Vec<_>>().join("\n"),
        )
    });
    let config = loader().map_err(|errors| anyhow!("failed to load the configuration:\n{errors}"))?;
    let mut web = options.web.settings(DEFAULT_ADDRESS, &metrics).await?;
    web.external_url = web.external_url.or_else(|| config.external_url.clone());
    until_stopped(signals, start(web, metrics, config, loader).await?).await
}

pub(super) async fn start(
    listener: Settings,
    metrics: Arc<ExporterMetrics>,
    config: Config,
    loader: Loader,
) -> anyhow::Result<App> {
    let all = listener.sockets.iter().chain(&listener.health);
    let addresses: Vec<_> = all.map(Socket::address).collect();
    let access = listener.access();
    let app = App::start(Setup { config, loader, listener, metrics }).await?;
    for address in addresses {
        tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "listening");
    }
    tracing::info!(read = access.read, act = access.act, "who is let in");
    systemd::ready();
    Ok(app)
}

pub(super) async fn until_stopped(mut signals: Signals, app: App) -> anyhow::Result<ExitCode> {
    let control = app.control();
    let tasks = TaskTracker::new();
    if let Some(every) = systemd::watchdog() {
        tasks.spawn(keep_alive(every, app.pulse()));
    }
    while signals.next().await == Asked::Reload {
        // A failure is logged and shown in the metrics by the reload itself.
        control.reload().await.ok();
    }
    tracing::info!("stopping");
    systemd::stopping();
    if !app.stop().await {
        tracing::warn!("stopped without waiting longer for unfinished work");
    }
    Ok(ExitCode::SUCCESS)
}

/// Tells systemd that this process is alive for as long as both of its threads are: this one, and the one that serves.
async fn keep_alive(every: Duration, pulse: Pulse) {
    let mut tick = interval(every / 2);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = None;
    loop {
        tick.tick().await;
        let beats = Some(pulse.beats());
        if beats != last || every < 4 * Pulse::EVERY {
            systemd::alive();
        }
        last = beats;
    }
}
