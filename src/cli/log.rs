//! Logging: level, format, and what a panic may say.

use std::sync::Arc;

use clap::{Args, ValueEnum};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::metrics::ExporterMetrics;

/// Flags of the log.
#[derive(Debug, Args)]
#[group(skip)]
pub(super) struct Options {
    /// Lowest level to log
    #[arg(
        long = "log.level",
        env = "PBX_EXPORTER_LOG_LEVEL",
        value_name = "LEVEL",
        default_value = "info",
        global = true
    )]
    level: Level,
    /// Format of the log lines
    #[arg(
        long = "log.format",
        env = "PBX_EXPORTER_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "logfmt",
        global = true
    )]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Logfmt,
    Json,
}

/// Starts logging to standard error.
///
/// The module is left out of the lines: `target` is the word for a PBX here. Libraries are held to `warn`: at finer levels HTTP and TLS ones write out what goes over the wire.
pub(super) fn start(options: &Options, metrics: &Arc<ExporterMetrics>) -> anyhow::Result<()> {
    let level = match options.level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    };
    let filter = Targets::new().with_default(level.min(LevelFilter::WARN)).with_target("pbx_exporter", level);
    let lines = match options.format {
        Format::Logfmt => {
            tracing_logfmt::builder().with_target(false).layer().with_writer(std::io::stderr).boxed()
        }
        Format::Json => tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_target(false)
            .with_writer(std::io::stderr)
            .boxed(),
    };
    tracing_subscriber::registry()
        .with(lines.and_then(ExporterMetrics::log_layer(metrics)).with_filter(filter))
        .try_init()?;
    std::panic::set_hook(Box::new(|panic| {
        // The payload is left out: it may quote what the program was working on.
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panicked: a bug in pbx_exporter, please report it");
    }));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    const CHILD: &str = "PBX_EXPORTER_TEST_PANICS";

    /// Panics in a child process: subscriber and hook are those of a whole process.
    #[test]
    fn a_panic_is_logged_by_its_place_without_its_payload() {
        if std::env::var_os(CHILD).is_some() {
            let options = Options { level: Level::Trace, format: Format::Logfmt };
            start(&options, &ExporterMetrics::new()).unwrap();
            std::panic::catch_unwind(|| panic!("canary-{}", 1)).unwrap_err();
            return;
        }
        let child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "cli::log::tests::a_panic_is_logged_by_its_place_without_its_payload",
                "--nocapture",
            ])
            .env(CHILD, "1")
            .output()
            .unwrap();
        let log = String::from_utf8(child.stderr).unwrap();
        assert!(child.status.success(), "{log}");
        assert!(
            log.contains("level=error message=\"panicked: ") && log.contains("place=src/cli/log.rs:"),
            "{log}"
        );
        assert!(!log.contains("canary"), "{log}");
    }
}
