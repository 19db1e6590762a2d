//! The names under which browsers may ask. A page of a stranger whose name is rebound to this service's address
//! (DNS rebinding) sends that name as Host, and is so told from the service's own pages.

use std::net::IpAddr;

use http::uri::Authority;

/// Which names are let in.
pub(super) struct AllowedHosts {
    any: bool,
    names: Vec<String>,
}

impl AllowedHosts {
    /// `names` and what cannot be rebound: IP addresses, localhost and this host's own name.
    pub(super) fn new(names: impl IntoIterator<Item = String>) -> Self {
        let own = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let names: Vec<_> = names.into_iter().chain([own]).map(|name| plain(&name)).collect();
        Self { any: names.iter().any(|name| name == "*"), names }
    }

    pub(super) fn allows(&self, host: &str) -> bool {
        self.any || ip(host).is_some() || host == "localhost" || self.names.iter().any(|name| name == host)
    }
}

/// The host of a Host field, in lower case, without port, brackets and the dot of the root.
pub(super) fn host(field: &str) -> Option<String> {
    let authority: Authority = field.parse().ok()?;
    // A user name has no place there (RFC 9110 section 4.2.4).
    (!field.contains('@')).then(|| plain(authority.host()))
}

/// Whether the name can only mean this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    host == "localhost" || ip(host).is_some_and(|ip| ip.to_canonical().is_loopback())
}

fn ip(host: &str) -> Option<IpAddr> {
    host.parse().ok()
}

fn plain(name: &str) -> String {
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_as_a_table() {
        let allowed = AllowedHosts::new(["Watch.example.com".to_owned()]);
        for (field, lets_in) in [
            ("127.0.0.1:10177", true),
            ("192.0.2.7", true),
            ("[::1]:10177", true),
            ("[2001:db8::1]", true),
            ("localhost:10177", true),
            ("LOCALHOST.", true),
            ("watch.example.com:443", true),
            ("WATCH.EXAMPLE.COM.", true),
            ("evil.example.com", false),
            ("watch.example.com.evil.example", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("watch.example.com@evil.example", false),
            ("*", false),
            ("", false),
            ("a b", false),
        ] {
            let seen = host(field).is_some_and(|host| allowed.allows(&host));
            assert_eq!(seen, lets_in, "{field}");
        }
        assert!(AllowedHosts::new(["*".to_owned()]).allows("evil.example.com"));
    }

    #[test]
    fn this_hosts_own_name_is_let_in() {
        let own = rustix::system::uname().nodename().to_string_lossy().to_ascii_lowercase();
        assert!(AllowedHosts::new([]).allows(&own), "{own}");
    }

    #[test]
    fn loopback_names_as_a_table() {
        for (name, is) in [
            ("localhost", true),
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("0.0.0.0", false),
            ("192.0.2.7", false),
            ("pbx.example.com", false),
        ] {
            assert_eq!(is_loopback(name), is, "{name}");
        }
    }
}
