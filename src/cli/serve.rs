//! The service: reads the configuration, starts everything, obeys signals.

use std::io::ErrorKind;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use tokio::net::TcpListener;

use super::check::load;
use super::{DEFAULT_ADDRESS, Options};
use crate::app::{App, Loader, Setup};
use crate::config::Config;
use crate::metrics::ExporterMetrics;
use crate::shutdown::{Asked, Signals};

pub(super) async fn run(options: &Options, metrics: Arc<ExporterMetrics>) -> anyhow::Result<ExitCode> {
    let signals = Signals::listen().context("failed to listen for signals")?;
    let patterns = options.config_file.clone();
    let loader: Loader = Arc::new(move || {
        load(&patterns, &|name| std::env::var(name).ok()).map_err(|errors| {
            errors.into_iter().map(|error| format!("error: {error}")).collect::<Vec<_>>().join("\n")
        })
    });
    let config = loader().map_err(|errors| anyhow!("failed to load the configuration:\n{errors}"))?;
    let address = options.listen_address.as_deref().unwrap_or(DEFAULT_ADDRESS);
    let listener = listen(address).await?;
    until_stopped(signals, start(options, listener, metrics, config, loader).await?).await
}

pub(super) async fn start(
    options: &Options,
    listener: TcpListener,
    metrics: Arc<ExporterMetrics>,
    config: Config,
    loader: Loader,
) -> anyhow::Result<App> {
    let (address, telemetry_path) = (listener.local_addr()?, options.telemetry_path.clone());
    let app = App::start(Setup { config, loader, listener, telemetry_path, metrics }).await?;
    tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "listening");
    Ok(app)
}

pub(super) async fn until_stopped(mut signals: Signals, app: App) -> anyhow::Result<ExitCode> {
    let control = app.control();
    while signals.next().await == Asked::Reload {
        // A failure is logged and shown in the metrics by the reload itself.
        control.reload().await.ok();
    }
    tracing::info!("stopping");
    if !app.stop().await {
        tracing::warn!("stopped without waiting any longer for what was under way");
    }
    Ok(ExitCode::SUCCESS)
}

/// Binds `host:port`; `:port` means every address, by IPv6 and IPv4 where the machine has both.
pub(super) async fn listen(address: &str) -> anyhow::Result<TcpListener> {
    let candidates = match address.strip_prefix(':') {
        Some(port) => vec![format!("[::]:{port}"), format!("0.0.0.0:{port}")],
        None => vec![address.to_owned()],
    };
    let mut failure = None;
    for candidate in &candidates {
        match TcpListener::bind(candidate).await {
            Ok(listener) => return Ok(listener),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    match failure {
        Some(error) => {
            let mend = match error.kind() {
                ErrorKind::InvalidInput => "; write HOST:PORT or :PORT, as in localhost:10177",
                ErrorKind::AddrInUse => "; end what listens there, or choose another port",
                _ => "",
            };
            Err(error).with_context(|| format!("failed to listen on {address} (--web.listen-address){mend}"))
        }
        None => bail!("--web.listen-address is empty"),
    }
}
