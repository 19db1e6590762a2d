//! What the dashboards' queries are asked of: a real Prometheus that scrapes the demo, and a second exporter whose
//! targets have all that the demo lacks.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pbx_exporter::clock::Clock;
use pbx_exporter::sim::target::{MACHINE_ID, SECRET};
use pbx_exporter::sim::{Fault, Generation, SimPbx, SimRequest, Simulated};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use tokio_rustls::rustls::version::TLS13;

use crate::host_count::{ENDPOINTS, fake_asterisk, prints};
use crate::support::process::{Program, Service};
use crate::support::prometheus::Prometheus;
use crate::support::raw::Server;
use crate::support::tls::Authority;

/// The target that alone can fill each panel.
pub const OFFICE: &str = "office";
/// A second one, with what has to be escaped in queries and links.
pub const BRANCH: &str = "branch (north)";

/// All that runs; it ends when dropped.
pub struct Stage {
    pub prometheus: Prometheus,
    pub service: Service,
    pub demo: Service,
    pbxes: [Arc<SimPbx>; 2],
    folder: TempDir,
    /// Its folder holds the `ca_file`.
    _authority: Authority,
    started: Instant,
    /// How long each act lasts.
    act: Duration,
}

impl Stage {
    /// Everything started. Acts of a few seconds let each query have something soon.
    pub async fn start(act: Duration) -> Self {
        let demo = Program::new(&["demo", "--web.listen-address=127.0.0.1:0"]).serve().await;
        let (folder, authority) = (tempfile::tempdir().expect("a folder"), Authority::new());
        let [office, branch] = [Generation::V17, Generation::V16].map(|generation| {
            let pbx = SimPbx::new(generation, Clock::System);
            pbx.set_token_lifetime(act * 2);
            Arc::new(pbx)
        });
        let mut urls = Vec::new();
        for pbx in [&office, &branch] {
            urls.push(serve(&authority, Arc::clone(pbx)).await.https(""));
        }
        let text = config(&urls, folder.path(), &authority.ca_file());
        let service = Service::start(&text, &[]).await;
        let prometheus = Prometheus::scraping(&[&service.address, &demo.address], &rules()).await;
        Self {
            prometheus,
            service,
            demo,
            pbxes: [office, branch],
            folder,
            _authority: authority,
            started: Instant::now(),
            act,
        }
    }

    /// Plays on: what is wrong with the office now, and some records in its log.
    pub fn play(&self) {
        let acts = [None, Some(Fault::SecretRegenerated), None, Some(Fault::ScopeRemoved)];
        let act = self.started.elapsed().as_millis() / self.act.as_millis();
        let act = usize::try_from(act).expect("not for ever");
        let office = &self.pbxes[0];
        office.set_fault(acts[act % acts.len()].clone());
        office.set_extension_ids(&["2000", "2001", "2002", "2003"][..2 + act % 3]);
        let record = "192.0.2.7 - - [21/Nov/2026:22:51:32 +0000] \"POST /admin/api/api/token HTTP/1.1\" 401 9 \"-\" \"-\"\n";
        let log = OpenOptions::new().append(true).create(true).open(self.folder.path().join("access.log"));
        log.expect("a file").write_all(record.as_bytes()).expect("written");
    }
}

impl Stage {
    /// Goes on slowly for this long: for pictures, or to point a real Grafana at.
    pub async fn stay(mut self, length: Duration) {
        (self.started, self.act) = (Instant::now(), length / 12);
        self.pbxes.iter().for_each(|pbx| pbx.set_token_lifetime(self.act / 2));
        println!("Prometheus stays at http://{}/ for {length:?}", self.prometheus.address);
        while self.started.elapsed() < length {
            self.play();
            sleep(Duration::from_secs(1)).await;
        }
    }
}

/// A simulated PBX behind TLS, which also tells a request budget as hosted ones do.
async fn serve(authority: &Authority, pbx: Arc<SimPbx>) -> Server {
    let requests = Arc::new(AtomicU64::new(0));
    let answer = move |text: &str| {
        let (head, body) = text.split_once("\r\n\r\n").expect("a whole request");
        let mut words = head.split([' ', '\r']);
        let (method, path) = (words.next().expect("a method"), words.next().expect("a path"));
        let fields = head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let request = SimRequest {
            method: method.parse().expect("a method"),
            path_and_query: path.to_owned(),
            headers: fields.map(|(n, v)| (n.parse().expect("a name"), v.parse().expect("a value"))).collect(),
            body: body.to_owned().into(),
        };
        let answer = pbx.answer(&request);
        let body = std::str::from_utf8(&answer.body).expect("text");
        let fields = answer.headers.iter().map(|(n, v)| format!("{n}: {}\r\n", v.to_str().expect("text")));
        let left = 60 - requests.fetch_add(1, Ordering::Relaxed) % 60;
        format!(
            "HTTP/1.1 {}\r\n{}x-ratelimit-remaining: {left}\r\nx-ratelimit-reset: {left}\r\ncontent-length: {}\r\n\r\n{body}",
            answer.status,
            fields.collect::<String>(),
            body.len()
        )
    };
    Server::answering_tls(authority.good().server(&[&TLS13]), answer).await
}

fn config(urls: &[String], folder: &Path, ca_file: &Path) -> String {
    let program = fake_asterisk(folder, &prints(ENDPOINTS));
    let more = "expected_extensions: ['2000', '2001', '2009'], version: true";
    format!(
        "limits: {{refusals_per_origin: 1000}}\n\
         defaults: {{interval: 1s, failure_interval: 1s, timeout: 900ms, backoff: {{start: 1s, cap: 1s, denied: 1s}}, \
         tls: {{ca_file: '{ca}'}}, auth: {{client_id: '{MACHINE_ID}', client_secret: '{SECRET}'}}}}\n\
         targets:\n\
         - {{name: '{OFFICE}', url: '{office}', {more}, log: [{{path: '{folder}/access.log', format: access_log}}], \
         reference: {{interval: 1s, asterisk: {{program: '{program}'}}}}}}\n\
         - {{name: '{BRANCH}', url: '{branch}', {more}}}\n",
        ca = ca_file.display(),
        office = urls[0],
        branch = urls[1],
        folder = folder.display(),
        program = program.display(),
    )
}

/// The shipped rules without their waits, and evaluated as often as the rest.
fn rules() -> String {
    let text = std::fs::read_to_string("alerts/pbx_exporter.rules.yml").expect("the rules");
    let is_wait = |line: &str| ["for: ", "interval: "].iter().any(|key| line.trim_start().starts_with(key));
    text.lines().filter(|line| !is_wait(line)).collect::<Vec<_>>().join("\n")
}
