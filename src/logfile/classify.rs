//! What a record says about the API. Pure; docs/metrics.md has the tables.

use crate::domain::LogEvent;
use crate::domain::target::{LogFile, LogFormat};

/// The event of a record, if it concerns the API.
pub(super) fn classify(file: &LogFile, record: &str) -> Option<LogEvent> {
    match file.format {
        LogFormat::GqlApiError => Some(gql(record)),
        LogFormat::AccessLog => Access::parse(record)?.event(&file.prefix),
        LogFormat::FreepbxLog => freepbx(record),
    }
}

/// Only GraphQL errors are written there (FreePBX/api:Gql/Api.php): a field that the token's scopes do not
/// show does not exist for it.
fn gql(record: &str) -> LogEvent {
    let is_denial = message(record).is_some_and(|text| text.starts_with("Cannot query field "));
    if is_denial { LogEvent::ScopeDenied } else { LogEvent::ApiError }
}

/// The member `message` of the outermost object.
pub(super) fn message(record: &str) -> Option<&str> {
    record.lines().find_map(|line| line.strip_prefix("    [message] => "))
}

/// What ends PHP code early.
const FATAL: [&str; 7] = [
    "PHP Fatal error",
    "PHP Parse error",
    "Uncaught ",
    "Exception",
    "TypeError",
    "freepbx.CRITICAL",
    "freepbx.EMERGENCY",
];
/// Code and addresses of the API, in messages and stack traces.
const API: [&str; 7] = [
    "/admin/modules/api/",
    "/admin/api/",
    "/admin/libraries/Api/",
    "/Api/Gql/",
    "/Api/Rest/",
    r"FreePBX\modules\Api",
    r"League\OAuth2\Server",
];

fn freepbx(record: &str) -> Option<LogEvent> {
    if !FATAL.iter().any(|mark| record.contains(mark)) {
        return None;
    }
    // Within JSON, slashes of both kinds are escaped.
    let plain = record.replace("\\/", "/").replace("\\\\", "\\");
    API.iter().any(|mark| plain.contains(mark)).then_some(LogEvent::PhpError)
}

/// A line of an access log, common or combined, with or without a virtual host in front or numbers before the request.
#[derive(Debug, PartialEq)]
pub(super) struct Access<'a> {
    pub client: &'a str,
    /// Between the square brackets.
    pub time: &'a str,
    pub method: &'a str,
    /// Without origin and query.
    pub path: &'a str,
    pub status: u16,
}

impl<'a> Access<'a> {
    pub fn parse(line: &'a str) -> Option<Self> {
        let (front, request, status) = frame(line)?;
        let (identity, time) = front.rsplit_once('[')?;
        let mut words = request.split(' ');
        let (method, address) = (words.next()?, words.next()?);
        let client = identity.split(' ').find(|word| word.parse::<std::net::IpAddr>().is_ok());
        Some(Self { client: client.unwrap_or_default(), time, method, path: path(address), status })
    }

    /// 400 is a failed GraphQL query, whose cause is in `gql_api_error.log`; any other 4xx is the client's fault.
    pub fn event(&self, prefix: &str) -> Option<LogEvent> {
        let segments = self.api_segments(prefix)?;
        let is_token = self.method == "POST" && segments == ["api", "token"];
        match self.status {
            200..300 if is_token => Some(LogEvent::TokenGranted),
            // The client gave up: 408, and nginx's 499.
            408 | 499 => None,
            400..500 if is_token => Some(LogEvent::TokenRefused),
            401 | 403 => Some(LogEvent::ApiRefused),
            500..600 => Some(LogEvent::ApiError),
            _ => None,
        }
    }

    /// The segments below `/admin/api`, of which empty ones do not count; `None` elsewhere. A proxy may have taken the
    /// prefix away.
    pub fn api_segments(&self, prefix: &str) -> Option<Vec<&'a str>> {
        let below = self.path.strip_prefix(prefix).filter(|below| below.starts_with('/'));
        let mut segments = below.unwrap_or(self.path).split('/').filter(|segment| !segment.is_empty());
        (segments.next()? == "admin" && segments.next()? == "api").then(|| segments.collect())
    }
}

/// Whether a line is one of an access log at all.
pub(super) fn is_access(line: &str) -> bool {
    frame(line).is_some()
}

/// What stands up to the end of the time, the request, and the status. Servers may write numbers between time and request
/// (`%D`, `%P`). Both escape quotes of the far side (`\"`, `\x22`), so no user name can forge the border.
fn frame(line: &str) -> Option<(&str, &str, u16)> {
    let mut from = 0;
    loop {
        let open = from + closing_quote(&line[from..])?;
        let close = open + 1 + closing_quote(&line[open + 1..])?;
        let between = |text: &str| {
            text.starts_with(' ')
                && text.ends_with(' ')
                && text.bytes().all(|b| b.is_ascii_digit() || b" .:-".contains(&b))
        };
        if let Some((front, _)) = line[..open].rsplit_once(']').filter(|(_, text)| between(text)) {
            let status = line[close..].strip_prefix("\" ")?.split(' ').next()?;
            let status = status.parse().ok().filter(|status| (100..600).contains(status))?;
            return Some((front, &line[open + 1..close], status));
        }
        from = close + 1;
    }
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })
}

/// The path of a request target in origin or absolute form (RFC 9112 section 3.2).
fn path(address: &str) -> &str {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    match path.split_once("://") {
        Some((_, rest)) if !path.starts_with('/') => rest.find('/').map_or("", |at| &rest[at..]),
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classified(format: LogFormat, record: &str) -> Option<LogEvent> {
        classify(&LogFile { path: "log".into(), format, prefix: String::new() }, record)
    }

    fn line(request: &str, status: u16) -> String {
        format!(
            r#"192.0.2.7 - - [21/Nov/2026:22:51:32 +0000] "{request}" {status} 431 "-" "portal/1.0 \"x\" [y]""#
        )
    }

    #[test]
    fn events_of_an_access_log_as_a_table() {
        let token = "POST /admin/api/api/token HTTP/1.1";
        let gql = "POST /admin/api/api/gql HTTP/1.1";
        for (request, status, event) in [
            (token, 200, Some(LogEvent::TokenGranted)),
            (token, 400, Some(LogEvent::TokenRefused)),
            (token, 401, Some(LogEvent::TokenRefused)),
            (token, 403, Some(LogEvent::TokenRefused)),
            (token, 404, Some(LogEvent::TokenRefused)),
            (token, 429, Some(LogEvent::TokenRefused)),
            (token, 408, None),
            (token, 499, None),
            (token, 302, None),
            (token, 500, Some(LogEvent::ApiError)),
            (token, 503, Some(LogEvent::ApiError)),
            ("POST /admin/api/api/token?a=b HTTP/1.1", 200, Some(LogEvent::TokenGranted)),
            ("POST //admin/api//api/token/ HTTP/1.1", 401, Some(LogEvent::TokenRefused)),
            ("POST https://pbx.example.com/admin/api/api/token HTTP/1.1", 200, Some(LogEvent::TokenGranted)),
            ("GET /admin/api/api/token HTTP/1.1", 200, None),
            ("GET /admin/api/api/token HTTP/1.1", 405, None),
            ("GET /admin/api/api/token HTTP/1.1", 500, Some(LogEvent::ApiError)),
            (gql, 200, None),
            (gql, 400, None),
            (gql, 404, None),
            (gql, 401, Some(LogEvent::ApiRefused)),
            (gql, 403, Some(LogEvent::ApiRefused)),
            (gql, 500, Some(LogEvent::ApiError)),
            ("GET /admin/api/api/rest/core/users HTTP/1.1", 401, Some(LogEvent::ApiRefused)),
            ("GET /admin/api/rest/core/users HTTP/2.0", 500, Some(LogEvent::ApiError)),
            ("GET /admin/config.php HTTP/1.1", 500, None),
            ("GET /admin/ajax.php?module=api&command=getApplications HTTP/1.1", 401, None),
            ("GET /other/admin/api/api/gql HTTP/1.1", 401, None),
            ("GET /admin/apis HTTP/1.1", 401, None),
        ] {
            let line = line(request, status);
            assert_eq!(classified(LogFormat::AccessLog, &line), event, "{line}");
        }
    }

    #[test]
    fn common_combined_nginx_and_virtual_host_lines_are_read() {
        let common = r#"::1 - - [21/Nov/2026:22:51:32 +0100] "POST /admin/api/api/token HTTP/1.1" 401 -"#;
        let vhost = format!("pbx.example.com:443 {common} \"-\" \"-\"");
        let user = r#"192.0.2.7 - an \"odd] name [x] [21/Nov/2026:22:51:32 +0100] "POST /admin/api/api/token HTTP/1.1" 401 9"#;
        // As nginx 1.22 wrote it.
        let nginx = r#"192.0.2.7 - x] \x22GET / HTTP/1.1\x22 200 [21/Nov/2026:22:51:32 +0100] "POST /admin/api/api/token?a=b HTTP/1.1" 401 179 "a@example.com" "a\x22 200 \x22] \x22b\x5C""#;
        for line in [common, &vhost, user, nginx] {
            assert_eq!(classified(LogFormat::AccessLog, line), Some(LogEvent::TokenRefused), "{line}");
            assert_eq!(Access::parse(line).map(|a| a.time), Some("21/Nov/2026:22:51:32 +0100"));
        }
        assert_eq!(Access::parse(&vhost).map(|a| a.client), Some("::1"));
    }

    #[test]
    fn numbers_between_time_and_request_are_passed_over() {
        let request = r#""POST /admin/api/api/token HTTP/1.1" 401 9 "-" "-""#;
        for between in ["561", "4711 0.012", "-", "10:33"] {
            let line =
                format!("192.0.2.7 - an \\\"odd] name [21/Nov/2026:22:51:32 +0000] {between} {request}");
            assert_eq!(classified(LogFormat::AccessLog, &line), Some(LogEvent::TokenRefused), "{line}");
        }
        let line = format!(r#""192.0.2.1, x] 5" 192.0.2.7 - - [21/Nov/2026:22:51:32 +0000] 561 {request}"#);
        assert_eq!(Access::parse(&line).map(|line| line.time), Some("21/Nov/2026:22:51:32 +0000"));
    }

    #[test]
    fn below_a_path_requests_count_with_it_and_without() {
        let file = LogFile { path: "log".into(), format: LogFormat::AccessLog, prefix: "/pbx".into() };
        for (path, counts) in
            [("/pbx", true), ("", true), ("/pbx2", false), ("/other", false), ("/pbx/pbx", false)]
        {
            let line = line(&format!("POST {path}/admin/api/api/token HTTP/1.1"), 401);
            assert_eq!(classify(&file, &line).is_some(), counts, "{line}");
        }
    }

    #[test]
    fn no_field_that_a_client_fills_forges_an_event() {
        let forged = r#"\" 200 1 \"x] \"POST /admin/api/api/token HTTP/1.1\" 401 "#;
        for line in [
            format!(r#"192.0.2.7 - {forged} [21/Nov/2026:22:51:32 +0000] "GET / HTTP/1.1" 200 1 "-" "-""#),
            format!(r#"192.0.2.7 - - [21/Nov/2026:22:51:32 +0000] "GET /{forged} HTTP/1.1" 200 1 "-" "-""#),
            format!(
                r#"192.0.2.7 - - [21/Nov/2026:22:51:32 +0000] "GET / HTTP/1.1" 200 1 "{forged}" "{forged}""#
            ),
        ] {
            assert_eq!(classified(LogFormat::AccessLog, &line), None, "{line}");
        }
    }

    #[test]
    fn rubbish_is_no_event_and_no_panic() {
        for line in [
            "",
            "] \"",
            "[] \"\" ",
            "[] \"a\"",
            "a [b] \"POST /admin/api/api/token HTTP/1.1\" 99999 1",
            "a [b] \"POST /admin/api/api/token HTTP/1.1\" 999 1",
            "a [b] \"\\x16\\x03\\x01\" 400 1",
            "a [b] \"POST /admin/api/api/token HTTP/1.1",
            "\u{fffd}] \"\u{fffd}\" \u{fffd}",
        ] {
            assert_eq!(classified(LogFormat::AccessLog, line), None, "{line}");
        }
    }

    #[test]
    fn a_denied_scope_is_told_by_the_message_alone() {
        let record = |message: &str, more: &str| {
            format!("2025-01-08 17:12:16 - stdClass Object\n(\n    [message] => {message}\n{more})")
        };
        let denied = record(r#"Cannot query field "fetchAllExtensions" on type "Query"."#, "");
        assert_eq!(gql(&denied), LogEvent::ScopeDenied);
        assert_eq!(gql(&record("Internal server error", "")), LogEvent::ApiError);
        let nested =
            "    [a] => stdClass Object\n        (\n            [message] => Cannot query field \"a\"\n";
        assert_eq!(gql(&record("Internal server error", nested)), LogEvent::ApiError);
        assert_eq!(gql("2025-01-08 17:12:16 - Cannot query field"), LogEvent::ApiError);
    }

    #[test]
    fn only_what_ended_php_code_of_the_api_counts() {
        let fatal =
            "[08-Jan-2025 17:12:16 UTC] PHP Fatal error:  Uncaught TypeError: addScope(): Argument #1";
        for (record, event) in [
            (format!("{fatal} in /var/www/html/admin/modules/api/vendor/a.php:56"), true),
            (format!("{fatal} in /var/www/html/admin/modules/cdr/a.php:56"), false),
            (
                format!("{fatal}\nStack trace:\n#0 /var/www/html/admin/modules/api/Api.class.php(12): a()"),
                true,
            ),
            (format!("{fatal}\n#0 /var/www/html/admin/modules/core/Api/Gql/Extensions.php(12): a()"), true),
            (
                r"[2024-05-31 07:00:12] [freepbx.CRITICAL]: FreePBX\modules\Api\Oauth failed [] []"
                    .to_owned(),
                true,
            ),
            (
                r#"[2024-05-31 07:00:12] [freepbx.ERROR]: {"type":"League\\OAuth2\\Server\\Exception\\X"}"#
                    .to_owned(),
                true,
            ),
            (
                "[2024-05-31 07:00:12] [freepbx.INFO]: /var/www/html/admin/modules/api/ installed".to_owned(),
                false,
            ),
            (
                "PHP Deprecated:  a in /var/www/html/admin/modules/api/Api.class.php on line 3".to_owned(),
                false,
            ),
        ] {
            let expected = event.then_some(LogEvent::PhpError);
            assert_eq!(classified(LogFormat::FreepbxLog, &record), expected, "{record}");
        }
    }
}
