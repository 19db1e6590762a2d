//! Asking Asterisk: its own program, with arguments that only show.

use super::child::{Failure, run};
use super::{ReferenceError, parse};
use crate::domain::reference::{AsteriskCommand, AsteriskSettings};

pub(super) async fn count(settings: &AsteriskSettings) -> Result<u64, ReferenceError> {
    let mut sum = 0;
    for command in &settings.commands {
        let output = ask(settings, *command).await?;
        if parse::is_unknown_command(&output) {
            return Err(ReferenceError::UnknownCommand(*command));
        }
        sum += parse::count(*command, &output).ok_or(ReferenceError::Unreadable(*command))?;
    }
    Ok(sum)
}

async fn ask(settings: &AsteriskSettings, command: AsteriskCommand) -> Result<String, ReferenceError> {
    let output = run(&settings.program, &["-rx", command.as_str()], b"").await.map_err(|failure| {
        let program = settings.program.clone();
        match failure {
            Failure::Start(error) => ReferenceError::Start(error, program, "asterisk"),
            Failure::Read(error) => ReferenceError::Read(error, program),
            Failure::TooLarge => ReferenceError::TooLarge(program, "asterisk"),
        }
    })?;
    if !output.status.success() {
        return Err(ReferenceError::Exit(output.status.code()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
