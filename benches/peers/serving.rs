//! Scrapes: CPU beside nginx, requests a second beside blackbox_exporter, and the series of a target.

use std::time::Duration;

use anyhow::ensure;
use tokio::time::{Instant, sleep};

use crate::Rows;
use crate::client::{Ask, Site};
use crate::pbx::FakePbx;
use crate::process::{Peers, Secured, Server};
use crate::table::{Limit, Pair, Row};

const ROUNDS: usize = 7;
const MAX_SERIES: f64 = 110.0;

/// A thousand targets, in both formats, plain and gzipped.
pub async fn thousand_targets(pbx: &FakePbx, peers: &Peers) -> Rows {
    let (mut ours, mut nginx) = (Server::exporter(pbx, 1000, "1h")?, Server::nginx(peers)?);
    probed(&mut ours, pbx, 1000).await?;
    let mut rows = Vec::new();
    for (name, format) in [("text", Ask::TEXT), ("OpenMetrics", Ask::OPEN_METRICS)] {
        let mut site = ours.site("/metrics")?;
        nginx.publish(name, &site.get(format)?)?;
        let mut peer = nginx.answers(&format!("/{name}")).await?;
        for (coding, limit, scrapes) in [("identity", 1.5, 20), ("gzip", 1.0, 4)] {
            let ask = format.coded(coding);
            let ways = [(&ours, &mut site), (&nginx, &mut peer)];
            let pair = cpu(ways, ask, scrapes)?;
            let what = format!("scrape of 1,000 targets, {name}, {coding}: CPU");
            rows.push(Row::pair(&what, "ms", pair, "nginx, static file", Limit::AtMost(limit)));
        }
    }
    Ok(rows)
}

/// A thousand targets by TLS and with a password, beside the family's own library with a static file.
pub async fn secured(pbx: &FakePbx, peers: &Peers) -> Rows {
    let Some(toolkit) = &peers.toolkit else {
        eprintln!("skipped: scrapes by TLS, beside exporter-toolkit: tests/toolkit/build makes it, with Go");
        return Ok(Vec::new());
    };
    let secured = Secured::new()?;
    let mut ours = Server::secured_exporter(pbx, 1000, &secured)?;
    let mut theirs = Server::toolkit(toolkit, &secured)?;
    probed(&mut ours, pbx, 1000).await?;
    let mut site = ours.site("/metrics")?;
    theirs.publish("metrics", &site.get(Ask::TEXT)?)?;
    let mut peer = theirs.answers("/metrics").await?;
    let pair = cpu([(&ours, &mut site), (&theirs, &mut peer)], Ask::TEXT, 20)?;
    let what = "scrape of 1,000 targets by TLS and with a password: CPU";
    Ok(vec![Row::pair(what, "ms", pair, "exporter-toolkit, static file", Limit::AtMost(1.5))])
}

/// Waits until each target was probed.
pub async fn probed(ours: &mut Server, pbx: &FakePbx, targets: u64) -> anyhow::Result<()> {
    let before = pbx.listed();
    ours.answers("/-/healthy").await?;
    while pbx.listed() - before < targets {
        sleep(Duration::from_millis(50)).await;
    }
    // The last answers are still to be read and put up.
    ours.answers("/-/ready").await?;
    Ok(())
}

/// CPU of one scrape in ms.
fn cpu(mut ways: [(&Server, &mut Site); 2], ask: Ask, scrapes: usize) -> anyhow::Result<Pair> {
    let sizes = [ways[0].1.get(ask)?.len() as f64, ways[1].1.get(ask)?.len() as f64];
    // Ours changes from scrape to scrape, and compresses by another library.
    let tolerance = if ask.coding == "identity" { 0.02 } else { 0.5 };
    ensure!((sizes[0] / sizes[1] - 1.0).abs() < tolerance, "sizes differ: {sizes:?} ({ask:?})");
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let mut round = [0.0; 2];
        for (cost, (server, site)) in round.iter_mut().zip(&mut ways) {
            let before = server.cpu()?;
            for _ in 0..scrapes {
                site.drain(ask)?;
            }
            *cost = (server.cpu()? - before) / scrapes as f64 / 1e6;
        }
        rounds.push((round[0], round[1]));
    }
    Ok(Pair::of(&rounds))
}

/// One target: requests a second, and its series.
pub async fn one_target(pbx: &FakePbx, peers: &Peers) -> Rows {
    let (mut ours, mut blackbox) = (Server::exporter(pbx, 1, "1h")?, Server::blackbox(peers)?);
    probed(&mut ours, pbx, 1).await?;
    let (mut site, mut peer) = (ours.site("/metrics")?, blackbox.answers("/metrics").await?);
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push((rate(&mut site)?, rate(&mut peer)?));
    }
    let text = site.get(Ask::TEXT)?;
    let series = text.split(|byte| *byte == b'\n').filter(|line| is_of_target(line)).count();
    Ok(vec![
        Row::pair(
            "/metrics with one target, one connection: rate",
            "/s",
            Pair::of(&rounds),
            "blackbox_exporter",
            Limit::AtLeast(2.0),
        ),
        Row::alone("series of a healthy client_credentials target", "", series as f64, MAX_SERIES),
    ])
}

fn is_of_target(line: &[u8]) -> bool {
    !line.starts_with(b"#") && line.windows(8).any(|part| part == b"target=\"")
}

fn rate(site: &mut Site) -> anyhow::Result<f64> {
    const WINDOW: Duration = Duration::from_millis(700);
    let (start, mut requests) = (Instant::now(), 0.0);
    while start.elapsed() < WINDOW {
        site.drain(Ask::TEXT)?;
        requests += 1.0;
    }
    Ok(requests / start.elapsed().as_secs_f64())
}
