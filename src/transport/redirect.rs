//! Which redirects are followed: within the origin only, because credentials travel along.

use http::header::LOCATION;
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use crate::domain::TransportError;
use crate::domain::foreign::shown;

/// Redirects followed in one exchange.
pub(super) const LIMIT: usize = 5;

/// The address to go on with, or `None` where this is the answer itself.
pub(super) fn next(
    method: &Method,
    url: &Url,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<Option<Url>, TransportError> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
    let Some(Ok(mut target)) = location.map(|text| url.join(text)) else { return Ok(None) };
    if target.origin() != url.origin() {
        return Err(TransportError::RedirectElsewhere(shown(&origin(&target))));
    }
    // A client would turn a POST into a GET here (RFC 9110 section 15.4): the caller is to know of it.
    if !matches!(*method, Method::GET | Method::HEAD) && status.as_u16() < 307 {
        return Ok(None);
    }
    target.set_fragment(None);
    // User info in an address would become credentials of the far side's choice.
    let _ = target.set_username("").and_then(|()| target.set_password(None));
    Ok(Some(target))
}

fn origin(url: &Url) -> String {
    match url.origin() {
        origin @ url::Origin::Tuple(..) => origin.ascii_serialization(),
        url::Origin::Opaque(_) => format!("{}:", url.scheme()),
    }
}
