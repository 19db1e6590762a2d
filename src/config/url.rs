//! Addresses: the origin of a PBX from whatever address of its API a person has at hand.

use std::collections::BTreeSet;

use url::Url;

use super::secret::{has_placeholder, invisible, is_quoted};
use crate::domain::Platform;
use crate::domain::platform::Reader;

/// Cuts an address of the platform's API down to its origin and what FreePBX's web root is below (`/pbx` of
/// `/pbx/admin/api`), and says so where anything was cut. Of an unknown platform no path is wrong.
pub fn normalise_url(text: &str, platform: Option<&Platform>) -> Result<(Url, Option<String>), String> {
    let mut url = parse_checked(text, &["https", "http"], "`auth` or variables of their own")?;
    let prefix = platform.map_or_else(String::new, |platform| prefix(url.path(), platform));
    let path = url.path().to_owned();
    let origin = url.origin().ascii_serialization();
    if let Some(platform) = platform.filter(|_| path != "/" && prefix.is_empty()) {
        let known: BTreeSet<_> = platform.paths().map(first_segment).collect();
        if !known.contains(first_segment(&path)) {
            let known: Vec<_> = known.into_iter().map(|segment| format!("/{segment}")).collect();
            let below = if platform.reader == Reader::Freepbx {
                format!(
                    ", or, if {} lives below this path, {origin}{}/admin",
                    platform.title,
                    path.trim_end_matches('/')
                )
            } else {
                String::new()
            };
            return Err(format!(
                "`{path}` is not a path of {}, whose paths begin with {}; write {origin}{below}",
                platform.title,
                known.join(" or ")
            ));
        }
    }
    let was_cut = has_path(&url);
    let kept = if prefix.is_empty() { format!("the origin {origin}") } else { format!("{origin}{prefix}") };
    url.set_path(&prefix);
    url.set_query(None);
    url.set_fragment(None);
    Ok((url, was_cut.then(|| format!("cut down to {kept}"))))
}

/// What stands in front of `/admin`, without a slash at its end; empty where nothing does.
fn prefix(path: &str, platform: &Platform) -> String {
    let segments: Vec<_> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let at = segments.iter().position(|segment| *segment == "admin");
    let at = at.filter(|_| platform.reader == Reader::Freepbx).unwrap_or_default();
    segments[..at].iter().flat_map(|segment| ["/", segment]).collect()
}

/// Whether there is more than scheme, host and port.
pub(super) fn has_path(url: &Url) -> bool {
    !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some()
}

/// `admin` of `/admin/api?x=y`.
fn first_segment(path: &str) -> &str {
    path.trim_start_matches('/').split(['/', '?']).next().unwrap_or_default()
}

/// Parses an absolute URL of one of the schemes, without user info.
pub(super) fn parse_checked(text: &str, schemes: &[&str], credentials: &str) -> Result<Url, String> {
    let known = || schemes.iter().map(|s| format!("{s}://")).collect::<Vec<_>>().join(", ");
    if is_quoted(text) {
        return Err("has quotes around it, which are part of the value here; remove them".to_owned());
    }
    if has_placeholder(text) {
        return Err("has an unfilled placeholder, `${...}` or `{{...}}`; write the address itself".to_owned());
    }
    if let Some(character) = invisible(text) {
        let code = u32::from(character);
        return Err(format!(
            "has an invisible character, U+{code:04X}, as text copied from a page may; remove it"
        ));
    }
    if text.trim() != text || text.is_empty() {
        return Err("is empty or has spaces around it; write it as in https://pbx.example.com".to_owned());
    }
    if !text.contains("://") {
        return Err(format!("has no scheme; begin it with {}", known()));
    }
    let url = Url::parse(text)
        .map_err(|e| format!("is not a URL ({e}); write it as in https://pbx.example.com"))?;
    if !schemes.contains(&url.scheme()) {
        return Err(format!("the scheme {}:// is not supported; begin it with {}", url.scheme(), known()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("contains credentials, which end up in logs; move them to {credentials}"));
    }
    if url.host().is_none() {
        return Err("has no host; write it as in https://pbx.example.com".to_owned());
    }
    Ok(url)
}
