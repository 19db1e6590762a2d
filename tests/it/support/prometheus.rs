//! A real Prometheus.

use std::fs::File;
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::http::{self, Reply};
use super::raw::closed_port;

/// A server with its storage in a folder of its own; killed when dropped.
pub struct Prometheus {
    pub address: String,
    folder: TempDir,
    _child: Child,
}

pub const MISSING: &str = "Debian's package `prometheus` gives prometheus and promtool: install it";

impl Prometheus {
    /// One that scrapes these exporters each second, with these rules.
    pub async fn scraping(exporters: &[&str], rules: &str) -> Self {
        Self::alerting(exporters, rules, &[]).await
    }

    /// One that also tells these Alertmanagers.
    pub async fn alerting(exporters: &[&str], rules: &str, alertmanagers: &[&str]) -> Self {
        let job = format!("{{job_name: pbx, static_configs: [{{targets: {exporters:?}}}]}}");
        Self::with(&job, rules, alertmanagers).await
    }

    /// One with this job.
    pub async fn with(job: &str, rules: &str, alertmanagers: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 900ms, evaluation_interval: 1s}}\n\
             rule_files: [rules.yml]\n\
             alerting: {{alertmanagers: [{{static_configs: [{{targets: {alertmanagers:?}}}]}}]}}\n\
             scrape_configs: [{job}]\n"
        );
        let file = |name| folder.path().join(name);
        std::fs::write(file("prometheus.yml"), config).expect("a file");
        std::fs::write(file("rules.yml"), rules).expect("a file");
        let log = File::create(file("log")).expect("a file");
        let address = closed_port().await.to_string();
        let child = Command::new("prometheus")
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.cors.origin=.*"])
            .arg(format!("--web.listen-address={address}"))
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect(MISSING);
        Self { address, folder, _child: child }
    }

    /// An answer of its API, whatever it says.
    pub async fn reply(&self, path: &str) -> Option<Reply> {
        http::send(&self.address, "GET", &format!("/api/v1/{path}"), &[]).await
    }

    /// `data` of an answer of its API; `None` while it does not answer, or answers with an error.
    pub async fn api(&self, path: &str) -> Option<Value> {
        let reply = self.reply(path).await?;
        let mut answer: Value = serde_json::from_str(&reply.body).ok()?;
        (reply.status == 200).then(|| answer["data"].take())
    }

    /// The value of an expression's first series.
    pub async fn query(&self, expression: &str) -> Option<f64> {
        let query: String = url::form_urlencoded::byte_serialize(expression.as_bytes()).collect();
        let data = self.api(&format!("query?query={query}")).await?;
        data["result"][0]["value"][1].as_str()?.parse().ok()
    }

    /// The type that the scraped target gave a family.
    pub async fn kind(&self, family: &str) -> Option<String> {
        let data = self.api(&format!("targets/metadata?metric={family}")).await?;
        data[0]["type"].as_str().map(str::to_owned)
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).expect("text")
    }
}
