//! Addresses that a person pastes.

use std::io;

use secrecy::SecretString;
use tokio::sync::mpsc;

use crate::cli::print_errors;
use crate::control::Redirected;
use crate::oauth::confirm::{Confirmation, Unconfirmed};

pub(super) fn lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(1);
    // A thread of its own that nobody waits for: reading a terminal cannot be called off.
    std::thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// What a pasted line ends the wait with; `None` where the right one may still come.
pub(super) fn accept(confirmation: &Confirmation, line: &str) -> Option<Result<SecretString, Unconfirmed>> {
    if line.trim().is_empty() {
        return None;
    }
    let error = match answer_in(line).map(|redirected| confirmation.accept(&redirected)) {
        None => "this is not the address of the last page".to_owned(),
        Some(Err(error @ Unconfirmed::WrongState)) => error.to_string(),
        Some(accepted) => return Some(accepted),
    };
    print_errors(&[format!("{error}; still waiting")]);
    None
}

/// What a pasted address brings: a whole one, or its query alone.
fn answer_in(line: &str) -> Option<Redirected> {
    let (_, query) = line.trim().split_once('?')?;
    Some(Redirected::from_query(query.split('#').next().unwrap_or_default()))
}
