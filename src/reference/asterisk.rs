//! Asking Asterisk: its own program, without a shell, with arguments that only show.

use std::process::Stdio;

use tokio::io::AsyncReadExt;
use tokio::process::Command;

use super::{ReferenceError, parse};
use crate::domain::reference::{AsteriskCommand, AsteriskSettings};

/// The largest output read, bytes: ten thousand extensions make about 5 MB.
pub(super) const LIMIT: u64 = 8 << 20;

pub(super) async fn count(settings: &AsteriskSettings) -> Result<u64, ReferenceError> {
    let mut sum = 0;
    for command in &settings.commands {
        let output = run(settings, *command).await?;
        if parse::is_unknown_command(&output) {
            return Err(ReferenceError::UnknownCommand(*command));
        }
        sum += parse::count(*command, &output).ok_or(ReferenceError::Unreadable(*command))?;
    }
    Ok(sum)
}

async fn run(settings: &AsteriskSettings, command: AsteriskCommand) -> Result<String, ReferenceError> {
    // Nothing of our environment, which may hold secrets; `TERM` unset means no colours.
    let mut child = Command::new(&settings.program)
        .args(["-rx", command.as_str()])
        .env_clear()
        .envs([("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ("LC_ALL", "C")])
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| ReferenceError::Start(error, settings.program.clone()))?;
    let mut output = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        let read = stdout.take(LIMIT + 1).read_to_end(&mut output).await;
        read.map_err(|error| ReferenceError::Read(error, command))?;
    }
    if output.len() as u64 > LIMIT {
        return Err(ReferenceError::TooLarge(command));
    }
    let status = child.wait().await.map_err(|error| ReferenceError::Read(error, command))?;
    if !status.success() {
        return Err(ReferenceError::Exit(status.code()));
    }
    Ok(String::from_utf8_lossy(&output).into_owned())
}
