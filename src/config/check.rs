//! From a merged tree to a checked [`Target`], and the limits.
//!
//! Belongs here: what holds for every target: name, address, times, sizes. The larger keys have
//! modules of their own: `auth`, `call`, `client`.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use serde_json::from_value;

use super::issue::{Level, Report};
use super::platform::Platforms;
use super::raw::{self, DurationText};
use super::structure::is_invisible;
use super::tree::Node;
use super::{Limits, Lookup, auth, call, client, expected, host_count_settings, log, times, url};
use crate::domain::target::is_loopback;
use crate::domain::{Platform, Target};

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

/// What a check needs: where keys were written, the environment, and where to report.
pub(super) struct Checker<'a> {
    pub root: &'a Node,
    /// Path of `root` from the file's root.
    pub path: String,
    pub lookup: Lookup<'a>,
    pub report: &'a mut Report,
}

impl Checker<'_> {
    pub fn error(&mut self, key: &str, text: impl Into<String>) {
        self.add(Level::Error, key, text);
    }

    pub fn warning(&mut self, key: &str, text: impl Into<String>) {
        self.add(Level::Warning, key, text);
    }

    /// Reports at the key's place, or at its nearest parent's where it is not written.
    pub fn add(&mut self, level: Level, key: &str, text: impl Into<String>) {
        let node = self.root.nearest(key);
        self.report.add(level, &node.place, self.whole_path(node, key), text);
    }

    /// Reports an entry of the mapping at `key` at its place, without its name, which may be a piece of a secret.
    pub fn unnamed(&mut self, key: &str, name: &str, text: impl Into<String>) {
        let entry = self.root.nearest(key).entries().iter().find(|entry| entry.key == name);
        if let Some(entry) = entry {
            self.report.error(&entry.place, self.whole_path(&entry.node, key), text);
        }
    }

    fn whole_path(&self, node: &Node, key: &str) -> String {
        let root = if node.inherited { "defaults" } else { &self.path };
        [root, key].iter().filter(|p| !p.is_empty()).copied().collect::<Vec<_>>().join(".")
    }

    /// Unwraps a result, or reports its error at `key`.
    pub fn accept<T>(&mut self, key: &str, result: Result<T, impl Display>) -> Option<T> {
        result.map_err(|e| self.error(key, e.to_string())).ok()
    }

    /// Whether the target itself has the key, rather than the defaults.
    pub fn is_own(&self, key: &str) -> bool {
        self.root.at(key).is_some_and(|node| !node.inherited)
    }

    /// A duration in a range, or the default where it is not written or wrong.
    pub fn duration(
        &mut self,
        key: &str,
        text: Option<&DurationText>,
        default: Duration,
        range: RangeInclusive<Duration>,
    ) -> Duration {
        let Some(DurationText(text)) = text else { return default };
        let Ok(value) = humantime::parse_duration(text) else {
            self.error(key, "is no duration; write a number with its unit, as in `60s`, `2m` or `1h 30m`");
            return default;
        };
        if range.contains(&value) {
            return value;
        }
        let off = if key == "token_interval" { ", or `off`" } else { "" };
        self.error(
            key,
            format!(
                "{} is out of range; write {} to {}{off}",
                show(value),
                show(*range.start()),
                show(*range.end())
            ),
        );
        default
    }
}

/// A duration as it is written in the file.
pub(super) fn show(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

/// Checks one merged target; `None` only after reporting at least one error.
pub(super) fn target(mut c: Checker<'_>, platforms: &Platforms) -> Option<Target> {
    let before = c.report.errors();
    let Ok(raw) = from_value::<raw::Target>(c.root.to_value()) else {
        c.error("", "does not fit the schema; see docs/configuration.md");
        return None;
    };
    let settings = &raw.settings;
    check_name(&mut c, &raw.name);
    let platform = platforms.find(&mut c, settings.platform.as_deref().unwrap_or("freepbx"));
    let origin = check_url(&mut c, &raw.url, platform.as_deref());
    let platform = platform?;
    let call = call::check(&mut c, settings.call.as_ref(), &platform);
    let version = check_version(&mut c, settings.version, &platform);
    let auth = auth::check(&mut c, settings.auth.as_ref(), &platform, call.as_ref(), version);
    let times = times::Times::check(&mut c, settings, auth.as_ref().map(|a| a.grant), &platform);
    let backoff = times::backoff(&mut c, settings.backoff.as_ref());
    let body_limit = check_size(&mut c, settings.body_limit.as_ref());
    let (headers, secret_headers) = client::headers(&mut c, settings.headers.as_ref(), &platform);
    let token_origin = auth.as_ref().and_then(|auth| auth.origin.as_ref());
    let client = client::check(&mut c, settings, [origin.as_ref(), token_origin]);
    let customer = check_customer(&mut c, settings.customer.as_deref(), &platform);
    let log = log::check(&mut c, settings.log.as_deref());
    let expected = expected::check(&mut c, settings, call.as_ref(), &platform);
    let host_count =
        host_count_settings::check(&mut c, settings.reference.as_ref(), call.as_ref(), &platform);
    if c.report.errors() > before {
        return None;
    }
    Some(Target {
        name: raw.name.into(),
        platform,
        origin: origin?,
        auth: auth?,
        call: call?,
        version,
        interval: times.interval,
        failure_interval: times.failure_interval,
        timeout: times.timeout,
        token_interval: times.token_interval,
        backoff,
        body_limit,
        headers,
        secret_headers,
        client,
        customer,
        log,
        expected,
        host_count: host_count.map(Arc::new),
    })
}

fn check_version(c: &mut Checker<'_>, written: Option<bool>, platform: &Platform) -> bool {
    let wanted = written.unwrap_or(false);
    if wanted && platform.version.is_none() && c.is_own("version") {
        c.error("version", format!("{} has no version query; remove it", platform.name));
    }
    wanted && platform.version.is_some()
}

fn check_customer(c: &mut Checker<'_>, written: Option<&str>, platform: &Platform) -> Option<Arc<str>> {
    let name = written?;
    if !platform.rate_limit.shared && c.is_own("customer") {
        let text =
            format!("has no use with {}, whose budget of requests is not shared; remove it", platform.name);
        c.error("customer", text);
    } else if name.trim().is_empty() {
        c.error(
            "customer",
            "is empty; write any name, the same for all targets of the customer, or remove it",
        );
    }
    Some(name.into())
}

fn check_name(c: &mut Checker<'_>, name: &str) {
    if name.trim().is_empty() {
        c.error("name", "is empty; give a name, it becomes the label `target`");
    } else if name.chars().count() > 128 {
        c.error("name", "is longer than 128 characters; shorten it");
    } else if name.chars().any(char::is_control) {
        c.error("name", "has a control character; remove it");
    } else if let Some(character) = name.chars().find(|c| is_invisible(*c)) {
        let code = u32::from(character);
        c.error("name", format!("has an invisible character, U+{code:04X}; remove it"));
    }
}

fn check_url(c: &mut Checker<'_>, text: &str, platform: Option<&Platform>) -> Option<::url::Url> {
    let normalised = url::normalise_url(text, platform);
    let (origin, note) = c.accept("url", normalised)?;
    if let Some(note) = note {
        c.add(Level::Note, "url", note);
    }
    let declared =
        platform.and_then(|platform| ::url::Url::parse(platform.token.as_ref()?.origin.as_ref()?).ok());
    if let Some(platform) = platform.filter(|_| declared.is_some_and(|url| url.origin() == origin.origin())) {
        let text = format!(
            "is where {} issues tokens, which it does apart from its API; write the address of the API, see docs/platforms.md",
            platform.title
        );
        c.warning("url", text);
    }
    if origin.scheme() == "http" && !is_loopback(&origin) {
        c.warning("url", "credentials travel in plain text over http://; use https://");
    }
    Some(origin)
}

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

fn check_size(c: &mut Checker<'_>, raw: Option<&raw::Size>) -> u64 {
    let bytes = match raw {
        None => Some(10 * MIB),
        Some(raw::Size::Bytes(bytes)) => Some(*bytes),
        Some(raw::Size::Text(text)) => parse_size(text),
    };
    match bytes {
        Some(bytes) if (KIB..=KIB * MIB).contains(&bytes) => bytes,
        Some(_) => {
            c.error("body_limit", "is out of range; write 1KiB to 1024MiB");
            KIB
        }
        None => {
            c.error("body_limit", "is no size; write bytes as a number, or a number with KiB or MiB");
            KIB
        }
    }
}

fn parse_size(text: &str) -> Option<u64> {
    let units = [("KiB", KIB), ("MiB", MIB)];
    let (number, unit) = units.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))?;
    number.trim_end().parse::<u64>().ok()?.checked_mul(*unit)
}

/// Checks the limits over all targets; `root` is their mapping.
pub(super) fn limits(mut c: Checker<'_>) -> Limits {
    let safe = Limits::default();
    let Ok(raw) = from_value::<raw::Limits>(c.root.to_value()) else {
        c.error("", "does not fit the schema; see docs/configuration.md");
        return safe;
    };
    let window =
        c.duration("refusal_window", raw.refusal_window.as_ref(), safe.refusal_window, SECOND..=WEEK);
    let refusals = raw.refusals_per_origin.unwrap_or(safe.refusals_per_origin);
    if refusals > safe.refusals_per_origin {
        let relation = match refusals {
            ..8 => "close to",
            8 => "as many as",
            9.. => "above",
        };
        c.warning("refusals_per_origin", format!("{refusals} is {relation} the 8 refusals in 40m for which FreePBX's fail2ban bans; 6 or less is safe"));
    }
    if window < safe.refusal_window {
        c.warning(
            "refusal_window",
            format!(
                "{} is shorter than the 40m over which FreePBX's fail2ban counts; 40m or more is safe",
                show(window)
            ),
        );
    }
    Limits {
        probes_in_flight: raw.probes_in_flight.unwrap_or(safe.probes_in_flight),
        probes_per_host: raw.probes_per_host.unwrap_or(safe.probes_per_host),
        refusals_per_origin: refusals,
        refusal_window: window,
    }
}
