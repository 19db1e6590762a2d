//! A real Alertmanager.

use std::fs::File;
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::http;
use super::process::eventually;

/// One with its storage in a folder of its own; killed when dropped.
pub struct Alertmanager {
    pub address: String,
    folder: TempDir,
    _child: Child,
}

impl Alertmanager {
    /// One that is ready, with this configuration.
    pub async fn start(config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("alertmanager.yml"), config).expect("a file");
        let log = File::create(folder.path().join("log")).expect("a file");
        let child = Command::new("prometheus-alertmanager")
            .args(["--config.file=alertmanager.yml", "--storage.path=data"])
            .args(["--web.listen-address=127.0.0.1:0", "--cluster.listen-address="])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("prometheus-alertmanager runs (Debian: prometheus-alertmanager)");
        let mut started = Self { address: String::new(), folder, _child: child };
        started.address = eventually("Alertmanager listens", async || started.said_address()).await;
        eventually("Alertmanager is ready", async || {
            let reply = http::send(&started.address, "GET", "/-/ready", &[]).await;
            reply.filter(|reply| reply.status == 200)
        })
        .await;
        started
    }

    fn said_address(&self) -> Option<String> {
        let log = std::fs::read_to_string(self.folder.path().join("log")).ok()?;
        let line = log.lines().find(|line| line.contains("Listening on"))?;
        let address = line.split_once("address=")?.1;
        log.ends_with('\n').then(|| address.trim().to_owned())
    }

    /// All alerts that have not ended, muted ones too.
    pub async fn alerts(&self) -> Option<Vec<Value>> {
        let reply = http::send(&self.address, "GET", "/api/v2/alerts", &[]).await?;
        serde_json::from_str(&reply.body).ok()
    }
}
