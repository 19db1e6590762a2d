//! The real program as a child process on a port of its own.

use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use super::http::{self, Reply};

/// Longer than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// The name of the configuration in the service's folder.
pub const CONFIG: &str = "pbx.yml";

/// The program, not yet run: no flag, no variable of this machine, its two streams kept in files.
pub struct Program {
    pub folder: TempDir,
    command: Command,
}

impl Program {
    pub fn new(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pbx_exporter"));
        command.args(arguments);
        Self::run_by(command)
    }

    /// The same with so many file descriptors at most.
    pub fn limited(descriptors: u32, arguments: &[&str]) -> Self {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "ulimit -n \"$0\" && exec \"$@\"", &descriptors.to_string()]);
        command.arg(env!("CARGO_BIN_EXE_pbx_exporter")).args(arguments);
        Self::run_by(command)
    }

    /// The program as this command starts it.
    pub fn run_by(mut command: Command) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name| Stdio::from(File::create(folder.path().join(name)).expect("a file"));
        command.env_clear().current_dir(folder.path()).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(file("stdout")).stderr(file("stderr"));
        Self { folder, command }
    }

    /// Adds a file to the folder in which it runs.
    pub fn file(self, name: &str, text: &str) -> Self {
        std::fs::write(self.folder.path().join(name), text).expect("a file");
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Every write to its standard output fails.
    pub fn deaf(mut self) -> Self {
        self.command.stdout(File::options().write(true).open("/dev/full").expect("on Linux"));
        self
    }

    /// Gives it this on standard input.
    pub fn input(self, text: &str) -> Self {
        let mut program = self.file("stdin", text);
        let file = File::open(program.folder.path().join("stdin")).expect("just written");
        program.command.stdin(Stdio::from(file));
        program
    }

    /// Reads its standard input from there.
    pub fn piped(mut self, input: File) -> Self {
        self.command.stdin(Stdio::from(input));
        self
    }

    /// Runs it to its end; the exit code with both streams.
    pub async fn run(mut self) -> Ended {
        let status = timeout(PATIENCE, self.command.status()).await.expect("it ends").expect("it runs");
        Ended { code: status.code(), stdout: self.read("stdout"), stderr: self.read("stderr") }
    }

    /// Starts it and goes on; its address is empty.
    pub fn spawn(mut self) -> Service {
        let child = self.command.spawn().expect("it starts");
        Service { address: String::new(), child, program: self }
    }

    /// Starts it as a service and waits until it listens.
    pub async fn serve(mut self) -> Service {
        let child = self.command.spawn().expect("it starts");
        let address = eventually("the service says where it listens", async || self.address()).await;
        Service { address, child, program: self }
    }

    fn address(&self) -> Option<String> {
        let log = self.read("stderr");
        let line = log.lines().find(|line| line.contains("listening"))?;
        let (_, rest) = line.split_once("address=").or_else(|| line.split_once("\"address\":\""))?;
        // A line that is not yet whole has no end of the value.
        let end = rest.find([' ', '"'])?;
        Some(rest[..end].to_owned())
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).expect("text")
    }
}

/// A program that has ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// The running service; killed when dropped.
pub struct Service {
    /// `host:port`.
    pub address: String,
    child: Child,
    program: Program,
}

impl Service {
    /// `serve` on a free port with this configuration and further arguments.
    pub async fn start(config: &str, arguments: &[&str]) -> Self {
        let first = ["--web.listen-address=127.0.0.1:0", "--config.file", CONFIG];
        Program::new(&[&first, arguments].concat()).file(CONFIG, config).serve().await
    }

    /// A file of its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.program.folder.path().join(name)
    }

    /// Where it runs.
    pub fn folder(&self) -> &std::path::Path {
        self.program.folder.path()
    }

    /// Writes a file of its folder again.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("a file");
    }

    /// The answer to a GET.
    pub async fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, &[]).await
    }

    /// The answer to a POST.
    pub async fn post(&self, path: &str) -> Reply {
        self.ask("POST", path, &["content-length: 0"]).await
    }

    pub async fn ask(&self, method: &str, path: &str, headers: &[&str]) -> Reply {
        let reply = timeout(PATIENCE, http::send(&self.address, method, path, headers)).await;
        reply.expect("an answer in time").expect("an answer")
    }

    /// The exposition in text format.
    pub async fn metrics(&self) -> String {
        self.get("/metrics").await.body
    }

    /// The value of one series, written as the exposition does; `None` while it is absent.
    pub async fn value(&self, series: &str) -> Option<f64> {
        value(&self.metrics().await, series)
    }

    /// Waits until a series has this value.
    pub async fn until(&self, series: &str, expected: f64) {
        let what = format!("{series} {expected}");
        eventually(&what, async || (self.value(series).await == Some(expected)).then_some(())).await;
    }

    /// Sends a signal, `TERM` for instance.
    pub async fn signal(&self, name: &str) {
        let id = self.child.id().expect("it runs");
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {id}")]).status().await;
        assert!(sent.expect("a shell").success(), "signal {name}");
    }

    /// Waits for the end, at most `limit`.
    pub async fn ended(&mut self, limit: Duration) -> Ended {
        let status = timeout(limit, self.child.wait()).await;
        let status = status.unwrap_or_else(|_| panic!("runs on after {limit:?}: {}", self.stderr()));
        Ended { code: status.expect("a status").code(), stdout: self.stdout(), stderr: self.stderr() }
    }

    pub fn stdout(&self) -> String {
        self.program.read("stdout")
    }

    pub fn stderr(&self) -> String {
        self.program.read("stderr")
    }
}

/// The value of one series of an exposition.
pub fn value(exposition: &str, series: &str) -> Option<f64> {
    let line = exposition.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
    Some(line.parse().expect("a number"))
}

/// Asks again and again until there is something, and fails when patience is at its end.
pub async fn eventually<T>(what: &str, ask: impl AsyncFnMut() -> Option<T>) -> T {
    within(PATIENCE, what, ask).await
}

/// The same with a patience of its own.
pub async fn within<T>(patience: Duration, what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(Instant::now() < deadline, "in vain: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}
