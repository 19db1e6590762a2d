//! Asking Asterisk: its own program, with arguments that only show.

use super::child::run;
use super::{HostCountError, parse};
use crate::domain::host_count::{AsteriskCommand, AsteriskSettings};

pub(super) async fn count(settings: &AsteriskSettings) -> Result<u64, HostCountError> {
    let mut sum = 0;
    for command in &settings.commands {
        let output = ask(settings, *command).await?;
        if parse::is_unknown_command(&output) {
            return Err(HostCountError::UnknownCommand(*command));
        }
        sum += parse::count(*command, &output).ok_or(HostCountError::Unreadable(*command))?;
    }
    Ok(sum)
}

async fn ask(settings: &AsteriskSettings, command: AsteriskCommand) -> Result<String, HostCountError> {
    let output = run(&settings.program, "asterisk", &["-rx", command.as_str()], b"").await?;
    if !output.status.success() {
        return Err(HostCountError::Exit(output.status.code()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
