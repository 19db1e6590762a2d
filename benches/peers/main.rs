//! The numbers this project promises, measured beside their peers in one run and printed as one
//! Markdown table: `cargo bench`. Exits with 1 when a row misses its limit.
//!
//! Everything runs on loopback: the release binary against a [`pbx::FakePbx`] inside this process,
//! Debian's nginx and blackbox_exporter beside it. Rounds alternate between ours and the peer, and a
//! row shows medians, because machines are noisy. `cargo bench -- probing` runs only that group.

mod client;
mod footprint;
mod pbx;
mod probing;
mod process;
mod serving;
mod table;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

use crate::pbx::FakePbx;
use crate::process::{Peers, build_release};
use crate::table::{Row, Table};

/// The whole run, hangs included.
const LIMIT: Duration = Duration::from_secs(300);
/// Building the release binary, before.
const BUILD_LIMIT: Duration = Duration::from_secs(1800);

fn main() -> anyhow::Result<ExitCode> {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [mode, rest @ ..] = args.as_slice()
        && mode == probing::LOOP_MODE
    {
        // The exporter's own runtime: compared is what a probe does, not what a second thread costs.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        return runtime.block_on(probing::bare_loop(rest)).map(|()| ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let table = runtime.block_on(async {
        // Whichever ends first, what is dropped here kills the processes it started.
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        tokio::select! {
            result = bounded(&args) => result,
            _ = terminate.recv() => anyhow::bail!("terminated"),
            _ = interrupt.recv() => anyhow::bail!("interrupted"),
        }
    })?;
    print!("{table}");
    Ok(if table.passes() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn bounded(groups: &[String]) -> anyhow::Result<Table> {
    let peers = Peers::find()?;
    tokio::time::timeout(BUILD_LIMIT, build_release()).await.context("the build took too long")??;
    tokio::time::timeout(LIMIT, run(groups, &peers)).await.context("the run took too long")?
}

async fn run(groups: &[String], peers: &Peers) -> anyhow::Result<Table> {
    let wanted = |group: &str| groups.is_empty() || groups.iter().any(|name| name == group);
    let pbx = FakePbx::start().await?;
    let mut table = Table::default();
    if wanted("serving") {
        table.add(serving::thousand_targets(&pbx, peers).await?);
        table.add(serving::one_target(&pbx, peers).await?);
        table.add(serving::secured(&pbx, peers).await?);
    }
    if wanted("probing") {
        table.add(probing::rows(&pbx).await?);
    }
    if wanted("footprint") {
        table.add(footprint::rows(&pbx).await?);
    }
    Ok(table)
}

/// What a group of measurements gives.
type Rows = anyhow::Result<Vec<Row>>;
