//! One session a target: the cookies that a PBX sets for its own origin, sent back to it (RFC 6265).
//!
//! FreePBX begins a PHP session for each request that brings no cookie of one, and keeps its file for up to 30 days. They
//! are secrets: kept in memory alone, never shown. Does not belong here: what others than the target's own origin set.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::{COOKIE, DATE, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;
use url::Url;

/// Cookies kept for a target.
const MOST: usize = 8;
/// Bytes of the largest, name and value.
const LARGEST: usize = 4096;
/// No cookie is believed to last longer.
const LONGEST: Duration = Duration::from_secs(400 * 24 * 3600);

/// The cookies of all targets, by the target's name.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<HashMap<Arc<str>, Vec<Cookie>>>);

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

struct Cookie {
    /// Scheme, host and port of who set it. Stricter than RFC 6265: a password may hang on it.
    origin: String,
    name: String,
    value: SecretString,
    path: String,
    ends: Option<Instant>,
}

impl Sessions {
    /// Adds to `headers` what goes along to `url`.
    pub(crate) fn add(&self, target: &str, url: &Url, headers: &mut HeaderMap) {
        let mut all = self.lock();
        let Some(cookies) = all.get_mut(target) else { return };
        let now = Instant::now();
        cookies.retain(|cookie| cookie.ends.is_none_or(|end| end > now));
        let own = headers.get(COOKIE).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let ours = cookies.iter().filter(|cookie| cookie.goes_to(url));
        let ours = ours.map(|cookie| format!("{}={}", cookie.name, cookie.value.expose_secret()));
        let text = own.into_iter().chain(ours).collect::<Vec<_>>().join("; ");
        if let Some(mut value) = HeaderValue::from_str(&text).ok().filter(|_| !text.is_empty()) {
            value.set_sensitive(true);
            headers.insert(COOKIE, value);
        }
    }

    /// Keeps what the answer from `url` sets, and forgets what it ends.
    pub(crate) fn keep(&self, target: &Arc<str>, url: &Url, status: StatusCode, headers: &HeaderMap) {
        if matches!(status.as_u16(), 400 | 431) {
            self.forget_large(target);
        }
        let set = headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
        let date = headers.get(DATE).and_then(|value| value.to_str().ok());
        for (cookie, over) in set.filter_map(|text| read(text, url, date)) {
            let mut all = self.lock();
            let cookies = all.entry(Arc::clone(target)).or_default();
            cookies.retain(|known| !known.is_replaced_by(&cookie));
            if !over {
                cookies.push(cookie);
            }
            if cookies.len() > MOST {
                cookies.remove(0);
            }
        }
    }

    /// Ends what a server may refuse for its size. A small cookie is not why: without it each such answer would cost the PBX
    /// a session.
    fn forget_large(&self, target: &str) {
        let mut all = self.lock();
        let size = |cookies: &Vec<Cookie>| cookies.iter().map(Cookie::size).sum::<usize>();
        if all.get(target).is_some_and(|cookies| size(cookies) >= LARGEST) {
            all.remove(target);
        }
    }

    /// Forgets those of all other targets than `names`.
    pub(crate) fn retain(&self, names: &[&str]) {
        self.lock().retain(|name, _| names.contains(&&**name));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Vec<Cookie>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cookie {
    fn size(&self) -> usize {
        self.name.len() + self.value.expose_secret().len()
    }

    fn goes_to(&self, url: &Url) -> bool {
        let below = url.path().strip_prefix(self.path.as_str());
        let in_path =
            below.is_some_and(|rest| rest.is_empty() || self.path.ends_with('/') || rest.starts_with('/'));
        in_path && self.origin == url.origin().ascii_serialization()
    }

    fn is_replaced_by(&self, other: &Self) -> bool {
        (&self.origin, &self.name, &self.path) == (&other.origin, &other.name, &other.path)
    }
}

/// A cookie as `Set-Cookie` has it, and whether it is over; `None` where it is not for this origin, or too large.
fn read(text: &str, url: &Url, date: Option<&str>) -> Option<(Cookie, bool)> {
    let mut parts = text.split(';');
    let (name, value) = parts.next()?.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    if name.is_empty() || name.len() + value.len() > LARGEST {
        return None;
    }
    let (mut path, mut age, mut expires) = (default_path(url), None, None);
    for part in parts {
        let (attribute, value) = part.split_once('=').unwrap_or((part, ""));
        let value = value.trim();
        match attribute.trim().to_ascii_lowercase().as_str() {
            "path" if value.starts_with('/') => value.clone_into(&mut path),
            "domain" if !is_within(url, value) => return None,
            "secure" if url.scheme() != "https" => return None,
            "max-age" => age = value.parse::<i64>().ok(),
            "expires" => expires = lasts(value, date),
            _ => {}
        }
    }
    let life = age.or(expires);
    let ends = life.map(|seconds| {
        Instant::now() + Duration::from_secs(u64::try_from(seconds).unwrap_or_default()).min(LONGEST)
    });
    let origin = url.origin().ascii_serialization();
    let cookie = Cookie { origin, name: name.to_owned(), value: SecretString::from(value), path, ends };
    Some((cookie, life.is_some_and(|seconds| seconds <= 0)))
}

/// RFC 6265 section 5.1.4.
fn default_path(url: &Url) -> String {
    match url.path().rsplit_once('/') {
        Some(("", _)) | None => "/".to_owned(),
        Some((folder, _)) => folder.to_owned(),
    }
}

/// Whether the host is in `domain`.
fn is_within(url: &Url, domain: &str) -> bool {
    let (host, domain) =
        (url.host_str().unwrap_or_default(), domain.trim_start_matches('.').to_ascii_lowercase());
    domain.is_empty() || host.strip_suffix(&domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Seconds from the answer's own date to `end`: the clocks of both hosts may differ. Without such a date, whether it lies
/// in the distant past is all that is asked.
fn lasts(end: &str, date: Option<&str>) -> Option<i64> {
    let end = unix(end)?;
    match date.and_then(unix) {
        Some(date) => Some(end - date),
        None => (end < 1_000_000_000).then_some(0),
    }
}

fn unix(date: &str) -> Option<i64> {
    // PHP before 8.2 writes `Thu, 19-Nov-1981`.
    let time = httpdate::parse_http_date(&date.replace('-', " ")).ok()?;
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE_NOW: &str = "Mon, 30 Nov 2026 12:00:00 GMT";

    fn url(text: &str) -> Url {
        text.parse().expect(text)
    }

    fn set(sessions: &Sessions, from: &str, status: u16, cookies: &[&str]) {
        let mut headers = HeaderMap::from_iter([(DATE, HeaderValue::from_static(DATE_NOW))]);
        for cookie in cookies {
            headers.append(SET_COOKIE, HeaderValue::from_str(cookie).expect("a value"));
        }
        let status = StatusCode::from_u16(status).expect("a status");
        sessions.keep(&Arc::from("t"), &url(from), status, &headers);
    }

    fn sent(sessions: &Sessions, target: &str, to: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        sessions.add(target, &url(to), &mut headers);
        let value = headers.get(COOKIE)?;
        assert!(value.is_sensitive());
        Some(value.to_str().expect("text").to_owned())
    }

    const TOKEN: &str = "https://pbx.example.com/admin/api/api/token";
    const LIST: &str = "https://pbx.example.com/admin/api/api/gql";

    #[test]
    fn what_a_pbx_sets_goes_back_to_it_and_to_nobody_else() {
        let sessions = Sessions::default();
        set(&sessions, TOKEN, 200, &["PHPSESSID=one; path=/; HttpOnly", "lang=en"]);
        assert_eq!(sent(&sessions, "t", LIST).as_deref(), Some("PHPSESSID=one; lang=en"));
        assert_eq!(sent(&sessions, "t", "https://pbx.example.com/x").as_deref(), Some("PHPSESSID=one"));
        assert_eq!(sent(&sessions, "other", LIST), None);
        for elsewhere in ["http://pbx.example.com/", "https://pbx.example.com:8443/", "https://example.com/"]
        {
            assert_eq!(sent(&sessions, "t", elsewhere), None, "{elsewhere}");
        }
        sessions.retain(&["other"]);
        assert_eq!(sent(&sessions, "t", LIST), None);
    }

    #[test]
    fn one_that_is_replaced_ended_or_refused_is_gone() {
        let sessions = Sessions::default();
        let kept = |cookies: &[&str]| {
            set(&sessions, TOKEN, 200, cookies);
            sent(&sessions, "t", LIST)
        };
        assert_eq!(kept(&["s=1; path=/"]).as_deref(), Some("s=1"));
        assert_eq!(kept(&["s=2; path=/"]).as_deref(), Some("s=2"));
        assert_eq!(kept(&["s=; path=/; max-age=0"]), None);
        assert_eq!(kept(&["s=3; path=/; Max-Age=60"]).as_deref(), Some("s=3"));
        assert_eq!(kept(&["s=; path=/; expires=Thu, 19-Nov-1981 08:52:00 GMT"]), None);
        assert_eq!(kept(&["s=4; path=/; expires=Mon, 30 Nov 2026 12:00:01 GMT"]).as_deref(), Some("s=4"));
        set(&sessions, TOKEN, 400, &[]);
        assert_eq!(sent(&sessions, "t", LIST).as_deref(), Some("s=4"));
        set(&sessions, TOKEN, 200, &[&format!("large={}; path=/", "x".repeat(LARGEST - 5))]);
        assert!(sent(&sessions, "t", LIST).is_some_and(|text| text.len() > LARGEST));
        set(&sessions, TOKEN, 400, &[]);
        assert_eq!(sent(&sessions, "t", LIST), None);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_over_is_not_sent() {
        let sessions = Sessions::default();
        set(&sessions, TOKEN, 200, &["s=1; path=/; max-age=60"]);
        tokio::time::advance(Duration::from_secs(59)).await;
        assert_eq!(sent(&sessions, "t", LIST).as_deref(), Some("s=1"));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(sent(&sessions, "t", LIST), None);
    }

    #[test]
    fn what_is_not_for_this_origin_is_left() {
        let sessions = Sessions::default();
        let odd = ["s", "=1", "s=1; domain=example.org", "s=1; domain=xpbx.example.com", "s=1; path=/other"];
        set(&sessions, TOKEN, 200, &odd);
        assert_eq!(sent(&sessions, "t", LIST), None);
        set(&sessions, TOKEN, 200, &["s=1; domain=.example.com; path=/admin"]);
        assert_eq!(sent(&sessions, "t", LIST).as_deref(), Some("s=1"));
        assert_eq!(sent(&sessions, "t", "https://pbx.example.com/administrator"), None);
        set(&sessions, "http://pbx.example.com/", 200, &["s=1; Secure"]);
        assert_eq!(sent(&sessions, "t", "http://pbx.example.com/"), None);
    }

    #[test]
    fn number_and_size_are_bounded() {
        let sessions = Sessions::default();
        let many: Vec<_> = (0..100).map(|i| format!("c{i}=v; path=/")).collect();
        set(&sessions, TOKEN, 200, &many.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(sent(&sessions, "t", LIST).map(|text| text.split("; ").count()), Some(MOST));
        set(&sessions, TOKEN, 200, &[&format!("s={}", "x".repeat(LARGEST))]);
        assert_eq!(sent(&sessions, "t", LIST).map(|text| text.contains("s=x")), Some(false));
    }

    #[test]
    fn a_configured_cookie_goes_along() {
        let sessions = Sessions::default();
        set(&sessions, TOKEN, 200, &["s=1; path=/"]);
        let mut headers = HeaderMap::from_iter([(COOKIE, HeaderValue::from_static("gate=open"))]);
        sessions.add("t", &url(LIST), &mut headers);
        assert_eq!(headers.get(COOKIE).expect("one"), "gate=open; s=1");
    }
}
