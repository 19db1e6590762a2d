//! What Asterisk's console prints, counted. Pure.
//!
//! Extensions are distinguished from trunks by how FreePBX writes them, since Asterisk makes no such difference.

use crate::domain::host_count::AsteriskCommand;

/// Extensions in the output of a command; `None` where it is not the whole table.
pub(super) fn count(command: AsteriskCommand, output: &str) -> Option<u64> {
    match command {
        AsteriskCommand::PjsipShowEndpoints => endpoints(output),
        AsteriskCommand::SipShowPeers => peers(output),
    }
}

/// Whether Asterisk says that it has no such command.
pub(super) fn is_unknown_command(output: &str) -> bool {
    output.trim_start().starts_with("No such command")
}

/// An endpoint counts as an extension if it is let in by the auth section `NAME-auth`. FreePBX names that
/// of an extension so, and that of a trunk like the trunk (FreePBX/core:functions.inc/drivers/PJSip.class.php);
/// `anonymous` and other endpoints of custom files have none.
fn endpoints(output: &str) -> Option<u64> {
    if output.trim() == "No objects found." {
        return Some(0);
    }
    // The header explains each kind of line by an example in angle brackets, and ends with a rule.
    let mut lines = output.lines().skip_while(|line| !line.trim().starts_with("====="));
    lines.next()?;
    let (mut all, mut extensions, mut found) = (0, 0, None);
    let mut endpoint = "";
    for line in lines {
        match line.trim().split_once(": ").map(|(kind, rest)| (kind, name(rest))) {
            Some(("Endpoint", name)) => (endpoint, all) = (name, all + 1),
            // Taken once: an endpoint may list several.
            Some(("InAuth", auth)) if auth.strip_suffix("-auth") == Some(endpoint) => {
                (endpoint, extensions) = ("", extensions + 1);
            }
            Some(("Objects found", number)) => found = Some(number.parse::<u64>().ok()?),
            _ => {}
        }
    }
    // Older releases of Asterisk give no total.
    found.is_none_or(|found| found == all).then_some(extensions)
}

/// The first word, up to the slash that separates a name from caller id or user name.
fn name(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default().split('/').next().unwrap_or_default()
}

/// A peer counts as an extension if its name is all digits and it registers here (`D` in the column `Dyn`):
/// FreePBX writes extensions so, and trunks with a name and mostly a fixed host.
fn peers(output: &str) -> Option<u64> {
    let mut lines = output.lines().skip_while(|line| !line.starts_with("Name/username"));
    // Columns are as wide as in the header, counted in bytes.
    let column = lines.next()?.find(" Dyn ")? + 1;
    let (mut all, mut extensions) = (0, 0);
    for line in lines {
        if let Some((total, _)) = line.split_once(" sip peers [") {
            return (total.parse() == Ok(all)).then_some(extensions);
        }
        all += 1;
        let name = name(line);
        let is_number = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
        let registers = line.as_bytes().get(column..column + 3).is_some_and(|dyn_| dyn_.contains(&b'D'));
        extensions += u64::from(is_number && registers);
    }
    None
}

#[cfg(test)]
mod tests;
