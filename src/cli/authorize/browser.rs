//! Opens an address in the desktop's browser, where there is a desktop.

use std::process::{Command, Stdio};

use url::Url;

/// Tries; whether it works is seen by the person. No shell has a part in it.
pub(super) fn open(url: &Url) {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let program = match std::env::consts::OS {
        "macos" => "open",
        _ if set("DISPLAY") || set("WAYLAND_DISPLAY") => "xdg-open",
        _ => return,
    };
    let mut command = Command::new(program);
    command.arg(url.as_str()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if command.spawn().is_err() {
        tracing::debug!(program, "failed to open a browser");
    }
}
