//! From a merged tree to a checked [`Target`].
//!
//! Belongs here: what holds for every target: name, address, size. The larger keys have
//! modules of their own: `auth`, `call`, `client`.

use std::sync::Arc;

use super::checker::{Checker, DOCUMENT};
use super::issue::Level;
use super::platform::Platforms;
use super::raw;
use super::{auth, call, client, expected, host_count_settings, log, times, url};
use crate::domain::foreign::is_invisible;
use crate::domain::{Platform, Target};
use crate::platform;

/// Checks one merged target; `None` only after reporting at least one error.
pub(super) fn target(mut c: Checker<'_>, platforms: &Platforms) -> Option<Target> {
    let before = c.report.errors();
    let raw: raw::Target = c.read(DOCUMENT)?;
    let settings = &raw.settings;
    check_name(&mut c, &raw.name);
    let platform = platforms.find(&mut c, settings.platform.as_deref().unwrap_or(platform::DEFAULT));
    let origin = check_url(&mut c, &raw.url, platform.as_deref());
    let (origin, platform) = below(origin, platform?, platforms);
    let call = call::call(&mut c, settings.call.as_ref(), &platform);
    let version = check_version(&mut c, settings.version, &platform);
    let auth = auth::auth(&mut c, settings.auth.as_ref(), &platform, call.as_ref(), version);
    let times = times::Times::of(&mut c, settings, auth.as_ref().map(|a| a.grant), &platform);
    let backoff = times::backoff(&mut c, settings.backoff.as_ref());
    let body_limit = check_size(&mut c, settings.body_limit.as_ref());
    let (headers, secret_headers) = client::headers(&mut c, settings.headers.as_ref(), &platform);
    let token_origin = auth.as_ref().and_then(|auth| auth.origin.as_ref());
    let client = client::settings(&mut c, settings, [origin.as_ref(), token_origin]);
    let customer = check_customer(&mut c, settings.customer.as_deref(), &platform);
    let log = log::followed(&mut c, settings.log.as_deref(), &platform.prefix);
    let expected = expected::expected(&mut c, settings, call.as_ref(), &platform);
    let host_count =
        host_count_settings::host_count(&mut c, settings.reference.as_ref(), call.as_ref(), &platform);
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

/// Moves the path that the PBX lives below from its address to its platform's paths.
fn below(
    address: Option<::url::Url>,
    platform: Arc<Platform>,
    platforms: &Platforms,
) -> (Option<::url::Url>, Arc<Platform>) {
    let Some(mut origin) = address else { return (None, platform) };
    let prefix = origin.path().trim_end_matches('/').to_owned();
    origin.set_path("/");
    let platform = if prefix.is_empty() { platform } else { platforms.below(&platform, &prefix) };
    (Some(origin), platform)
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
            format!("is not used with {}, whose request budget is not shared; remove it", platform.name);
        c.error("customer", text);
    } else if name.trim().is_empty() {
        let text = "is empty; write a name, the same for all targets of the customer, or remove it";
        c.error("customer", text);
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
            "is where {} issues tokens, not its API; write the address of the API, see docs/platforms.md",
            platform.title
        );
        c.warning("url", text);
    }
    c.warn_if_plain("url", &origin, "credentials travel in plain text over http://; use https://");
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
            c.error("body_limit", "is not a size; write a number of bytes, or a number with KiB or MiB");
            KIB
        }
    }
}

fn parse_size(text: &str) -> Option<u64> {
    let units = [("KiB", KIB), ("MiB", MIB)];
    let (number, unit) = units.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))?;
    number.trim_end().parse::<u64>().ok()?.checked_mul(*unit)
}
