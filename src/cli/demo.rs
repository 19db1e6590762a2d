//! The exporter against simulated PBXes inside this process, with nothing configured.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::serve::{start, until_stopped};
use super::{Options, limit_core_dumps};
use crate::app::Loader;
use crate::clock::Clock;
use crate::config::Config;
use crate::listener::Socket;
use crate::metrics::ExporterMetrics;
use crate::shutdown::Signals;
use crate::sim::demo::{CYCLE, Demo};

pub(super) async fn run(options: &Options, metrics: Arc<ExporterMetrics>) -> anyhow::Result<ExitCode> {
    limit_core_dumps(options);
    let signals = Signals::listen().context("failed to listen for signals")?;
    let web = options.web.settings("127.0.0.1:10177", &metrics).await?;
    let address = web.sockets.first().map(Socket::address).unwrap_or_default();
    let telemetry_path = web.telemetry_path.clone();
    let demo = Arc::new(Demo::start(Clock::System).await.context("failed to start the simulated PBXes")?);
    let config = Config { targets: demo.targets(), limits: Demo::limits(), ..Config::default() };
    let loader: Loader = Arc::new({
        let config = config.clone();
        move || Ok(config.clone())
    });
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    tasks.spawn({
        let (demo, stop) = (demo.clone(), stop.clone());
        async move { demo.run(stop).await }
    });
    let app = start(web, metrics, config, loader).await?;
    let text = welcome(demo.targets().len(), &address, &telemetry_path);
    // Whoever reads no longer, as in `demo | head -1`, wants no panic.
    std::io::stdout().write_all(text.as_bytes()).ok();
    let code = until_stopped(signals, app).await;
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    code
}

fn welcome(targets: usize, address: &str, telemetry_path: &str) -> String {
    let minutes = CYCLE.as_secs() / 60;
    format!(
        "{targets} simulated PBXes go through failures and recoveries, in a cycle of {minutes} minutes. Open:\n\n  \
         http://{address}/                what is wrong, and how to fix it\n  \
         http://{address}{telemetry_path:<16} the same for Prometheus\n\nPress Ctrl-C to stop.\n"
    )
}
