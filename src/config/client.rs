//! `tls`, `proxy` and `headers`: how a target's requests travel.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use http::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use super::checker::Checker;
use super::issue::Level;
use super::raw;
use super::secret::{self, Forms};
use super::structure::NO_VALUE;
use super::url::{has_path, parse_checked};
use crate::domain::target::{ClientSettings, ProxySettings, ServerName};
use crate::domain::{Platform, SecretSource, file};
use crate::platform::overrides_method;

/// Checks TLS and proxy. `origins`: what is asked, and the token endpoint's where that is another.
pub(super) fn settings(
    c: &mut Checker<'_>,
    raw: &raw::Settings,
    origins: [Option<&Url>; 2],
) -> ClientSettings {
    let proxy = raw.proxy.as_ref().and_then(|raw| proxy(c, raw));
    let Some(tls) = &raw.tls else { return ClientSettings { proxy, ..ClientSettings::default() } };
    let [asked, token] = origins.map(|origin| origin.map(Url::scheme));
    if c.is_own("tls") && asked == Some("http") && token != Some("https") {
        c.error("tls", "is not used with an http:// url; write https:// or remove it");
    }
    let insecure_skip_verify = tls.insecure_skip_verify.unwrap_or(false);
    if insecure_skip_verify && tls.ca_file.is_some() {
        let text = "makes ca_file useless; keep only ca_file";
        c.error("tls.insecure_skip_verify", text);
    } else if insecure_skip_verify {
        let text = "any certificate is accepted, so anyone in between can read the credentials; use ca_file";
        c.warning("tls.insecure_skip_verify", text);
    }
    ClientSettings {
        ca_file: tls.ca_file.as_ref().and_then(|path| pem(c, "tls.ca_file", path, "CERTIFICATE-----")),
        client_certificate: client_certificate(c, tls),
        min_version: tls.min_version.unwrap_or_default(),
        insecure_skip_verify,
        server_name: tls.server_name.as_ref().and_then(|name| server_name(c, name, raw, origins[0])),
        proxy,
    }
}

fn server_name(
    c: &mut Checker<'_>,
    name: &str,
    raw: &raw::Settings,
    asked: Option<&Url>,
) -> Option<ServerName> {
    const KEY: &str = "tls.server_name";
    let Ok(Host::Domain(name)) = Host::parse(name) else {
        c.error(KEY, "is not a host name; write one from the certificate, such as pbx.example.com");
        return None;
    };
    if raw.proxy.is_some() {
        c.error(KEY, "does not work with `proxy`, which gets the host of url; write the name in url");
    }
    Some(ServerName { host: asked?.host_str()?.to_owned(), name })
}

fn client_certificate(c: &mut Checker<'_>, tls: &raw::Tls) -> Option<(PathBuf, PathBuf)> {
    match (&tls.cert_file, &tls.key_file) {
        (Some(cert), Some(key)) => {
            let cert = pem(c, "tls.cert_file", cert, "CERTIFICATE-----");
            let key = pem(c, "tls.key_file", key, "PRIVATE KEY-----");
            return cert.zip(key);
        }
        (Some(_), None) => c.error("tls.cert_file", "has no key; add key_file"),
        (None, Some(_)) => c.error("tls.key_file", "has no certificate; add cert_file"),
        (None, None) => {}
    }
    None
}

/// A PEM file that can be read and holds what it should; its content is parsed when it is used.
fn pem(c: &mut Checker<'_>, key: &str, written: &Path, label: &str) -> Option<PathBuf> {
    let path = c.root.nearest(key).place.resolve(written);
    match file::read(&path, file::LARGEST_PEM) {
        Err(error) => {
            let fix = secret::unexpanded(written).unwrap_or("name a file that this user may read");
            c.error(key, format!("failed to read {}: {error}; {fix}", file::shown(&path)));
        }
        Ok(bytes) if !bytes.windows(label.len()).any(|w| w == label.as_bytes()) => {
            c.error(key, format!("{} has no PEM block `{label}`; give a PEM file", file::shown(&path)));
        }
        Ok(_) => return Some(path),
    }
    None
}

fn proxy(c: &mut Checker<'_>, raw: &raw::Proxy) -> Option<ProxySettings> {
    let forms = Forms::new(
        "proxy.password",
        raw.password.as_ref(),
        raw.password_file.as_ref(),
        raw.password_env.as_ref(),
    );
    let password = forms.source(c);
    if raw.username.is_some() && !forms.is_given() {
        c.error("proxy.username", "has no password; add password, password_file or password_env");
    }
    if raw.username.is_none() && forms.is_given() {
        c.error(&forms.given_key(), "has no user name; add username");
    }
    let Some(url) = &raw.url else {
        c.error("proxy.url", "missing; add `url: ...`");
        return None;
    };
    let url =
        parse_checked(url, &["http", "https", "socks5", "socks5h"], "proxy.username and proxy.password");
    let url = c.accept("proxy.url", url)?;
    if has_path(&url) {
        c.error("proxy.url", "has a path; write only scheme, host and port");
    }
    let credentials = raw.username.clone().zip(password);
    Some(ProxySettings { url, credentials, no_proxy: raw.no_proxy.clone() })
}

/// Extra header fields: those known now, and those read again at each request.
pub(super) type Headers = (HeaderMap, Vec<(HeaderName, SecretSource)>);

/// Checks extra header fields. All values are marked sensitive: none is ever printed.
pub(super) fn headers(
    c: &mut Checker<'_>,
    raw: Option<&BTreeMap<String, Option<raw::Header>>>,
    platform: &Platform,
) -> Headers {
    let (mut map, mut files) = (HeaderMap::new(), Vec::new());
    for (name, value) in raw.into_iter().flatten() {
        let Some(value) = value else {
            c.unnamed("headers", name, format!("has a key {NO_VALUE}"));
            continue;
        };
        let key = format!("headers.{name}");
        let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
            c.unnamed("headers", name, "has a key that is not a header name; use letters, digits and `-`");
            continue;
        };
        let carries_token =
            platform.sent_as.header.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(name));
        let refused = if carries_token { refused("authorization") } else { refused(header.as_str()) };
        if let Some(reason) = refused {
            c.error(&key, reason);
        } else if map.contains_key(&header) || files.iter().any(|(name, _)| *name == header) {
            c.error(&key, "given twice in different case; remove one");
        }
        match source(c, &key, value) {
            Some(SecretSource::Literal(secret)) => {
                map.extend(parse_value(c, Level::Error, &key, &secret).map(|value| (header, value)));
            }
            Some(file) => {
                // As with a file that cannot be read: no reload is needed after it is fixed.
                file.read().ok().and_then(|secret| parse_value(c, Level::Unreadable, &key, &secret));
                files.push((header, file));
            }
            None => {}
        }
    }
    (map, files)
}

fn parse_value(c: &mut Checker<'_>, level: Level, key: &str, secret: &SecretString) -> Option<HeaderValue> {
    let Ok(mut value) = HeaderValue::from_str(secret.expose_secret()) else {
        c.add(level, key, "the value has a line break or control character; remove it");
        return None;
    };
    value.set_sensitive(true);
    Some(value)
}

pub(super) fn source(c: &mut Checker<'_>, key: &str, raw: &raw::Header) -> Option<SecretSource> {
    let source = match raw {
        raw::Header::Text(text) => {
            secret::warn_if_odd(c, key, text.expose_secret());
            return Some(SecretSource::Literal(text.clone()));
        }
        raw::Header::Source(source) => source,
    };
    match (&source.file, &source.env) {
        (Some(path), None) => Some(secret::file(c, &format!("{key}.file"), path)),
        (None, Some(name)) => secret::variable(c, &format!("{key}.env"), name).map(SecretSource::Literal),
        _ => {
            c.error(key, "must have either `file` or `env`; keep one");
            None
        }
    }
}

/// Why a header field may not be set, if it may not.
fn refused(name: &str) -> Option<&'static str> {
    match name {
        "authorization" => Some("carries the token, which the exporter sets; remove it"),
        "proxy-authorization" => Some("is set from `proxy`; write proxy.username and proxy.password"),
        "host" => Some("is set from `url`; write the host there"),
        "content-length" | "content-type" | "transfer-encoding" => Some(
            "describes the body, which the exporter writes; remove it (`call.content_type` is for a call of your own)",
        ),
        "connection" | "keep-alive" | "te" | "trailer" | "upgrade" | "expect" => {
            Some("belongs to the connection, which the exporter keeps; remove it")
        }
        "accept-encoding" => Some("would change how answers are read; remove it"),
        _ => overrides_method(name),
    }
}
