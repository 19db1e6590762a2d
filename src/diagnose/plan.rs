//! What a diagnosis is going to send, told beforehand.

use super::hosts;
use crate::domain::host_count::HostCountSource;
use crate::domain::{Grant, Target};
use crate::platform;

/// What stays behind on the PBX afterwards.
pub fn left_behind(target: &Target) -> &'static str {
    if target.auth.grant.needs_person() || target.auth.grant == Grant::Static {
        "Nothing is changed on the PBX."
    } else {
        "Nothing is changed on the PBX, except that a token is issued, which expires by itself."
    }
}

/// Whom it is about.
pub fn title(target: &Target) -> String {
    let token = target.has_token_elsewhere().then(|| format!(", tokens from {}", target.token_place()));
    format!("{}: {} at {}{}", target.name, target.platform.name, target.place(), token.unwrap_or_default())
}

/// A line for each thing that will be sent to `target`, in order.
pub fn plan(target: &Target) -> Vec<String> {
    let hosts: Vec<_> =
        hosts::all(target).iter().filter_map(|(operation, _)| hosts::of(target, *operation)).collect();
    let to_each =
        if hosts.is_empty() { String::new() } else { format!(" to each of {}", hosts.join(" and ")) };
    // Whether it stands before this host is known only later.
    let unless = if target.client.proxy.is_some() { ", unless a proxy is in between" } else { "" };
    let mut lines = vec![format!("one connection without a request{to_each}{unless}")];
    if let Some(presence) = platform::presence_request(target) {
        let address = hosts::address(target, &presence.url);
        lines.push(format!("{} {address} without credentials", presence.method));
    }
    if !target.auth.grant.needs_person() {
        lines.extend(with_credentials(target));
    }
    lines.extend(target.host_count.as_ref().map(|host_count| second_count(&host_count.source)));
    lines
}

fn with_credentials(target: &Target) -> Vec<String> {
    let mut lines = Vec::new();
    let (grant, token) = (target.auth.grant, target.token_address());
    let token = hosts::address(target, &token);
    let permissions = platform::permissions_request(target);
    let again = if permissions.is_some() { "; repeated only after a bare error page" } else { "" };
    if grant != Grant::Static {
        lines.push(format!("POST {token} with the credentials (grant {grant}){again}"));
    }
    if let Some(permissions) = permissions {
        let (method, address) = (&permissions.method, hosts::address(target, &permissions.url));
        lines.push(format!("{method} {address} with the token: which queries are allowed"));
    }
    let list = platform::list_request(target);
    let address = hosts::address(target, &list.url);
    let pages = if platform::lists_by_page(target) { ", page by page" } else { "" };
    let shown = if grant == Grant::Static { "key" } else { "token" };
    lines.push(format!("{} {address} with the {shown}: the extensions list{pages}", list.method));
    lines
}

/// It goes to no PBX over the network.
fn second_count(source: &HostCountSource) -> String {
    match source {
        HostCountSource::Asterisk(asterisk) => {
            let commands: Vec<_> = asterisk.commands.iter().map(|command| command.as_str()).collect();
            format!("always, to Asterisk on this host: {}", commands.join(", "))
        }
        HostCountSource::Database(database) => {
            format!("always, to FreePBX's database: SELECT COUNT(*) FROM {}", database.table.as_str())
        }
    }
}
