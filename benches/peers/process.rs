//! The processes measured: started here, killed with the value that stands for them, and what the kernel reports about them.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use crate::client::{Access, Ask, Site};
use crate::pbx::FakePbx;

/// Our release binary, once [`build_release`] has put it there.
pub const EXPORTER: &str = env!("CARGO_BIN_EXE_pbx_exporter");
const START_LIMIT: Duration = Duration::from_secs(20);

/// Builds the binary that people get. What cargo has built for this benchmark has the features that
/// development dependencies switch on (HTTP/2 in hyper, a clock for tests in tokio), and is larger.
pub async fn build_release() -> anyhow::Result<()> {
    let arguments = ["build", "--quiet", "--release", "--bin", "pbx_exporter"];
    let folder = env!("CARGO_MANIFEST_DIR");
    let status = Command::new(env!("CARGO")).args(arguments).current_dir(folder).status().await?;
    ensure!(status.success(), "failed to build the release binary");
    Ok(())
}

/// Where Debian has installed the peers.
pub struct Peers {
    pub nginx: PathBuf,
    pub blackbox: PathBuf,
    /// A server on the family's own library, where Go has built it (`benches/run`).
    pub toolkit: Option<PathBuf>,
}

impl Peers {
    /// Looks for them.
    pub fn find() -> anyhow::Result<Self> {
        let nginx = find("nginx", "nginx-light")?;
        let toolkit = Some(toolkit()?.join("server")).filter(|path| path.is_file());
        let blackbox = find("prometheus-blackbox-exporter", "prometheus-blackbox-exporter")?;
        Ok(Self { nginx, blackbox, toolkit })
    }
}

/// Where `tests/toolkit/build` puts it.
fn toolkit() -> anyhow::Result<PathBuf> {
    let line = ". .ci/install.sh && toolkit";
    let mut shell = std::process::Command::new("sh");
    let said = shell.args(["-euc", line]).current_dir(env!("CARGO_MANIFEST_DIR")).output()?;
    Ok(PathBuf::from(String::from_utf8(said.stdout)?.trim_end()))
}

fn find(name: &str, package: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        // Debian keeps servers here, which is in root's PATH only.
        .chain([PathBuf::from("/usr/sbin")])
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .with_context(|| format!("{name} is not installed: apt-get install {package} (or run benches/run)"))
}

/// A server under measurement, with a folder for its files.
pub struct Server {
    child: Child,
    pid: u32,
    port: u16,
    folder: TempDir,
    access: Option<Access>,
}

/// A web configuration file with what it names, and who is let in by it.
pub struct Secured {
    certificate: String,
    key: String,
    hash: String,
    access: Access,
}

impl Secured {
    /// A certificate for localhost, and a user whose hash costs what `htpasswd -B` makes by default.
    pub fn new() -> anyhow::Result<Self> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        let access = Access::trusting(made.cert.der().clone())?;
        let hash = bcrypt::hash(access.user.1, 5)?;
        Ok(Self { certificate: made.cert.pem(), key: made.signing_key.serialize_pem(), hash, access })
    }

    fn write(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        fs::write(folder.join("cert.pem"), &self.certificate)?;
        fs::write(folder.join("key.pem"), &self.key)?;
        let (user, hash) = (self.access.user.0, &self.hash);
        let file = folder.join("web.yml");
        fs::write(
            &file,
            format!(
                "tls_server_config: {{cert_file: cert.pem, key_file: key.pem}}\n\
                 basic_auth_users: {{{user}: '{hash}'}}\n"
            ),
        )?;
        Ok(file)
    }
}

impl Server {
    /// Our exporter with so many targets.
    pub fn exporter(pbx: &FakePbx, targets: usize, interval: &str) -> anyhow::Result<Self> {
        Self::start(EXPORTER, |folder, port| {
            let file = folder.join("pbx.yml");
            fs::write(&file, pbx.configuration(targets, interval))?;
            let listen = format!("--web.listen-address=127.0.0.1:{port}");
            Ok(vec![format!("--config.file={}", file.display()), listen, "--log.level=error".into()])
        })
    }

    /// The same by TLS and with a password.
    pub fn secured_exporter(pbx: &FakePbx, targets: usize, secured: &Secured) -> anyhow::Result<Self> {
        let started = Self::start(EXPORTER, |folder, port| {
            let file = folder.join("pbx.yml");
            fs::write(&file, pbx.configuration(targets, "1h"))?;
            let web = format!("--web.config.file={}", secured.write(folder)?.display());
            let listen = format!("--web.listen-address=127.0.0.1:{port}");
            Ok(vec![format!("--config.file={}", file.display()), listen, web, "--log.level=error".into()])
        })?;
        Ok(Self { access: Some(secured.access.clone()), ..started })
    }

    /// The family's own library, which serves what is put with [`Self::publish`] as `metrics`.
    pub fn toolkit(program: &Path, secured: &Secured) -> anyhow::Result<Self> {
        let started = Self::start(program, |folder, port| {
            let (web, served) = (secured.write(folder)?, folder.join("metrics"));
            Ok(vec![format!("127.0.0.1:{port}"), web.display().to_string(), served.display().to_string()])
        })?;
        Ok(Self { access: Some(secured.access.clone()), ..started })
    }

    /// nginx as Debian sets it up (`sendfile`, `tcp_nopush`, `gzip` at its default level), but one process and
    /// no access log, as ours has none; it serves what is put with [`Self::publish`].
    pub fn nginx(peers: &Peers) -> anyhow::Result<Self> {
        Self::start(&peers.nginx, |folder, port| {
            let file = folder.join("nginx.conf");
            let at = folder.display();
            fs::write(
                &file,
                format!(
                    "daemon off; master_process off; pid {at}/pid; error_log stderr;\n\
                 events {{}}\n\
                 http {{\n\
                   client_body_temp_path {at}/body; proxy_temp_path {at}/proxy; fastcgi_temp_path {at}/fastcgi;\n\
                   uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;\n\
                   access_log off; sendfile on; tcp_nopush on; gzip on; gzip_types text/plain;\n\
                   types {{}} default_type text/plain; keepalive_requests 1000000;\n\
                   server {{ listen 127.0.0.1:{port}; root {at}; }}\n\
                 }}\n"
                ),
            )?;
            Ok(vec!["-e".into(), "stderr".into(), "-c".into(), file.display().to_string()])
        })
    }

    /// blackbox_exporter.
    pub fn blackbox(peers: &Peers) -> anyhow::Result<Self> {
        Self::start(&peers.blackbox, |folder, port| {
            let file = folder.join("blackbox.yml");
            fs::write(&file, "modules: {http_2xx: {prober: http}}\n")?;
            let listen = format!("--web.listen-address=127.0.0.1:{port}");
            Ok(vec![format!("--config.file={}", file.display()), listen])
        })
    }

    /// Any program of ours that serves nothing.
    pub fn start(
        program: impl AsRef<OsStr>,
        arguments: impl FnOnce(&Path, u16) -> anyhow::Result<Vec<String>>,
    ) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let child = Command::new(program)
            .args(arguments(folder.path(), port)?)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(folder.path().join("log"))?)
            .kill_on_drop(true)
            .spawn()?;
        let pid = child.id().context("it ended at once")?;
        Ok(Self { child, pid, port, folder, access: None })
    }

    /// Puts a file where nginx serves it.
    pub fn publish(&self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        Ok(fs::write(self.folder.path().join(name), bytes)?)
    }

    /// A connection to `path`.
    pub fn site(&self, path: &str) -> anyhow::Result<Site> {
        Site::connect(self.port, path, self.access.as_ref())
    }

    /// Waits until `path` answers; how often it was asked depends on how soon.
    pub async fn answers(&mut self, path: &str) -> anyhow::Result<Site> {
        let start = Instant::now();
        loop {
            let answer = self.site(path).and_then(|mut site| site.drain(Ask::TEXT).map(|()| site));
            let error = match answer {
                Ok(site) => return Ok(site),
                Err(error) => error,
            };
            if self.child.try_wait()?.is_some() || start.elapsed() > START_LIMIT {
                let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                bail!("no answer at {path}: {error:#}\n{log}");
            }
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// CPU used so far, in nanoseconds.
    pub fn cpu(&self) -> anyhow::Result<f64> {
        scheduled(self.pid).or_else(|_| ticked(self.pid))
    }

    /// Resident memory, in KiB.
    pub fn resident(&self) -> anyhow::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let field = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(field.trim().trim_end_matches(" kB").parse()?)
    }

    /// Ends it and waits until it is gone.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }
}

/// The scheduler's own account, in nanoseconds, over all threads.
fn scheduled(pid: u32) -> anyhow::Result<f64> {
    let mut sum = 0.0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end meanwhile.
        let Ok(line) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
        sum += line.split(' ').next().context("schedstat is empty")?.parse::<f64>()?;
    }
    ensure!(sum > 0.0, "no schedstat");
    Ok(sum)
}

/// `utime` and `stime` of proc(5), in ticks of 10 ms: for kernels that keep no better account.
fn ticked(pid: u32) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field is the name in parentheses, which may hold spaces.
    let (_, fields) = stat.rsplit_once(") ").context("no name in stat")?;
    let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<f64>).sum::<Result<f64, _>>()?;
    Ok(ticks * 1e7)
}
