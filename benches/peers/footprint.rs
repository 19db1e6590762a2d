//! Memory with very many targets, the empty service, the binary's size, and the start.

use std::fs;

use tokio::time::Instant;

use crate::Rows;
use crate::client::Ask;
use crate::pbx::FakePbx;
use crate::process::{EXPORTER, Server};
use crate::serving::probed;
use crate::table::{Row, median};

const TARGETS: u32 = 10_000;
const STARTS: usize = 11;
const EMPTY: usize = 5;
const SCRAPES: [(&str, Ask); 4] = [
    ("text", Ask::TEXT),
    ("OpenMetrics", Ask::OPEN_METRICS),
    ("text in gzip", Ask::TEXT.coded("gzip")),
    ("OpenMetrics in zstd", Ask::OPEN_METRICS.coded("zstd")),
];

/// Every row of this group.
pub async fn rows(pbx: &FakePbx) -> Rows {
    let mut rows = memory(pbx).await?;
    let binary = fs::metadata(EXPORTER)?.len() as f64 / 1e6;
    rows.push(Row::alone("release binary", "MB", binary, 12.0));
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let start = Instant::now();
        let mut exporter = Server::exporter(pbx, 10, "60s")?;
        exporter.answers("/metrics").await?;
        starts.push(start.elapsed().as_secs_f64() * 1e3);
        exporter.stop().await?;
    }
    rows.push(Row::alone("start to first 200 on /metrics, ten targets", "ms", median(starts), 50.0));
    Ok(rows)
}

async fn memory(pbx: &FakePbx) -> Rows {
    let mut bases = Vec::new();
    for _ in 0..EMPTY {
        let mut empty = Server::exporter(pbx, 1, "60s")?;
        probed(&mut empty, pbx, 1).await?;
        empty.answers("/metrics").await?;
        bases.push(empty.resident()?);
        empty.stop().await?;
    }
    let (most, base) = (bases.iter().copied().fold(0.0, f64::max), median(bases));
    let what = format!("resident, one target, probed and scraped, most of {EMPTY} starts");
    let mut rows = vec![Row::alone(&what, "MiB", most / 1024.0, 12.0)];
    // Short enough that every target is soon probed, so that all have a token and a state.
    let mut full = Server::exporter(pbx, TARGETS as usize, "20s")?;
    probed(&mut full, pbx, TARGETS.into()).await?;
    let mut row = |when: &str| {
        let each = (full.resident()? - base) / f64::from(TARGETS);
        rows.push(Row::alone(
            &format!("resident for each of 10,000 healthy targets, {when}"),
            "KiB",
            each,
            8.0,
        ));
        anyhow::Ok(())
    };
    row("all probed")?;
    for (name, ask) in SCRAPES {
        full.site("/metrics")?.drain(ask)?;
        row(&format!("after a scrape, {name}"))?;
    }
    Ok(rows)
}
