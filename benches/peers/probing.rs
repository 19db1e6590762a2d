//! Background probes beside a bare reqwest loop that makes the same request at the same pace, with a
//! connection for each, in a process of its own: this program again, in another mode.

use std::time::Duration;

use anyhow::Context as _;
use reqwest::header::{ACCEPT, CONNECTION, CONTENT_TYPE};
use tokio::time::{interval, sleep};

use crate::Rows;
use crate::client;
use crate::pbx::{FakePbx, LIST_PATH, token};
use crate::process::Server;
use crate::serving;
use crate::table::{Limit, Pair, Row};

/// The argument that makes this program the loop.
pub const LOOP_MODE: &str = "bare-loop";

const TARGETS: u32 = 1000;
/// Each target's; with [`TARGETS`] 500 probes a second.
const INTERVAL: Duration = Duration::from_secs(2);
const ROUNDS: usize = 5;
const WINDOW: Duration = Duration::from_secs(4);
const SETTLE: Duration = Duration::from_millis(500);
const BODY: &str = r#"{"query":"query { fetchAllExtensions(first: 1) { status message totalCount } }"}"#;

/// CPU of one probe with a token at hand.
pub async fn rows(pbx: &FakePbx) -> Rows {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push((ours(pbx).await?, bare(pbx).await?));
    }
    let what = "background probe with a valid token, 500/s: CPU";
    Ok(vec![Row::pair(what, "µs", Pair::of(&rounds), "bare reqwest loop", Limit::AtMost(1.4))])
}

async fn ours(pbx: &FakePbx) -> anyhow::Result<f64> {
    let mut exporter = Server::exporter(pbx, TARGETS as usize, &format!("{}s", INTERVAL.as_secs()))?;
    // From then on each has its token.
    serving::probed(&mut exporter, pbx, TARGETS.into()).await?;
    cost(exporter, pbx).await
}

async fn bare(pbx: &FakePbx) -> anyhow::Result<f64> {
    let program = std::env::current_exe()?;
    let origins: Vec<String> = (0..TARGETS as usize).map(|n| pbx.origin(n)).collect();
    cost(Server::start(program, |_, _| Ok([vec![LOOP_MODE.to_owned()], origins].concat()))?, pbx).await
}

/// CPU by the number of lists that the PBX gave, in µs.
async fn cost(server: Server, pbx: &FakePbx) -> anyhow::Result<f64> {
    sleep(SETTLE).await;
    let before = (server.cpu()?, pbx.listed());
    sleep(WINDOW).await;
    let (cpu, probes) = (server.cpu()? - before.0, pbx.listed() - before.1);
    server.stop().await?;
    let expected = WINDOW.as_secs_f64() * f64::from(TARGETS) / INTERVAL.as_secs_f64();
    anyhow::ensure!((probes as f64 / expected - 1.0).abs() < 0.1, "{probes} probes instead of {expected}");
    Ok(cpu / probes as f64 / 1e3)
}

/// The loop itself.
pub async fn bare_loop(origins: &[String]) -> anyhow::Result<()> {
    let urls: Vec<String> = origins.iter().map(|origin| format!("{origin}{LIST_PATH}")).collect();
    let pace = INTERVAL / u32::try_from(urls.len()).ok().filter(|n| *n > 0).context("no origins")?;
    let (client, token, mut pace) = (client::bare()?, token(), interval(pace));
    for url in urls.iter().cycle() {
        pace.tick().await;
        let request = client.post(url).bearer_auth(&token).header(CONNECTION, "close").body(BODY);
        let request = request.header(CONTENT_TYPE, "application/json").header(ACCEPT, "application/json");
        request.send().await?.error_for_status()?.bytes().await?;
    }
    Ok(())
}
