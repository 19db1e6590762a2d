//! Running a program of the PBX host: without a shell, without our environment, its output bounded.

use std::io;
use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use super::HostCountError;

/// The largest output read, bytes: ten thousand extensions make about 5 MB.
pub(super) const LIMIT: usize = 8 << 20;

/// Kills what runs, with whatever it started itself (a wrapper script does), unless it has ended.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            kill_process_group(group, Signal::KILL).ok();
        }
    }
}

/// Runs `program`, which the block `block` of the configuration names, to its end. `input` must fit into a pipe; whoever
/// drops this kills the program.
pub(super) async fn run(
    program: &Path,
    block: &'static str,
    arguments: &[&str],
    input: &[u8],
) -> Result<std::process::Output, HostCountError> {
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
        .map_err(|error| HostCountError::Start(error, program.to_owned(), block))?;
    let mut group = Group(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
    if let Some(mut stdin) = child.stdin.take() {
        // One that ends without reading says why by its status.
        stdin.write_all(input).await.ok();
    }
    let unreadable = |error| HostCountError::Read(error, program.to_owned());
    let outputs = tokio::try_join!(read(child.stdout.take()), read(child.stderr.take()));
    let (stdout, stderr) = outputs.map_err(unreadable)?;
    if stdout.len().max(stderr.len()) > LIMIT {
        return Err(HostCountError::TooLarge(program.to_owned(), block));
    }
    let status = child.wait().await.map_err(unreadable)?;
    group.0 = None;
    Ok(std::process::Output { status, stdout, stderr })
}

async fn read(pipe: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut output = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(LIMIT as u64 + 1).read_to_end(&mut output).await?;
    }
    Ok(output)
}
