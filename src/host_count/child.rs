//! Running a program of the PBX host: without a shell, without our environment, its output bounded.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

/// The largest output read, bytes: ten thousand extensions make about 5 MB.
pub(super) const LIMIT: usize = 8 << 20;

pub(super) struct Output {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

pub(super) enum Failure {
    Start(io::Error),
    Read(io::Error),
    TooLarge,
}

/// Kills what runs, with whatever it started itself (a wrapper script does), unless it has ended.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            kill_process_group(group, Signal::KILL).ok();
        }
    }
}

/// Runs `program` to its end. `input` must fit into a pipe; whoever drops this kills the program.
pub(super) async fn run(program: &Path, arguments: &[&str], input: &[u8]) -> Result<Output, Failure> {
    // Nothing of our environment, which may hold secrets; `TERM` unset means no colours.
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs([("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ("LC_ALL", "C")])
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .process_group(0)
        .spawn()
        .map_err(Failure::Start)?;
    let mut group = Group(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
    if let Some(mut stdin) = child.stdin.take() {
        // One that ends without reading says why by its status.
        stdin.write_all(input).await.ok();
    }
    let (stdout, stderr) = tokio::try_join!(read(child.stdout.take()), read(child.stderr.take()))?;
    let status = child.wait().await.map_err(Failure::Read)?;
    group.0 = None;
    Ok(Output { status, stdout, stderr })
}

async fn read(pipe: Option<impl AsyncRead + Unpin>) -> Result<Vec<u8>, Failure> {
    let mut output = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(LIMIT as u64 + 1).read_to_end(&mut output).await.map_err(Failure::Read)?;
    }
    if output.len() > LIMIT { Err(Failure::TooLarge) } else { Ok(output) }
}
