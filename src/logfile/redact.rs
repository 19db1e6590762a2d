//! What of a record may be shown to people.
//!
//! Not a search for secrets, which misses the one it does not know: only words that these logs are known to
//! say pass, anything else becomes `…`. And what follows the name of a secret is left out, whatever it is.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::LazyLock;

use super::classify::{Access, message};
use super::record::gql_time;
use crate::domain::target::{LogFile, LogFormat};

const MASK: char = '…';
const LENGTH: usize = 300;
const SEGMENTS: usize = 6;

/// Words of FreePBX, PHP, OAuth2 and GraphQL messages, and of paths to their code; in lower case.
static WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    "a about access account action add admin after again ajax all allowed already an and any api app application \
     applications apply argument arguments array asked asterisk at attempted auth authorization authorize authorized \
     bad base basic be bearer been before bmo bool boolean bound but by cache call called can cannot cause cdr class \
     client code command config configuration connect connected connection console constant container contain \
     contains controller cookie core correct could credentials critical database db deadlock debug declared declined \
     decode decoding decrypt default defined delete denied deprecated di did directory disabled dispatcher division \
     do does doesn doctrine driver during early empty emergency enabled end engine entities entity entry error errors \
     exception execute executed exhausted exist exists expected expects expired extension extensions factory failed \
     fatal fetch field fields file first float for format found framework freepbx from full function functions gave \
     general get given gone got gql grant grants graphql guzzle guzzlehttp had handle handler has have header headers \
     helpers hint home host html http httpd https id identifier if implemented implicit in inc include includes index \
     info init input instance int integer interface internal invalid is isn issued issuer it iterable its json jwt \
     key keys last layer league length lib libraries limit line list load loaded locate lock log login lost main \
     maximum may member memory message method middleware missing mixed module modules more must mutation name no node \
     non none not notice null number o oauth oauth2 object of offset on one only open option or original other \
     outside owner parameter parse parser parsing passed password path pdo per permission permissions php phar \
     point process property provided psr public query read reason reference refresh refused register reload remove \
     repositories repository request requested required resolve resolver resource response rest result return \
     returned revoked root route routing row rows run runtime same schema scope scopes secret seconds security server \
     service session set share should signature size slim some src stack standard started status std string supplied \
     symfony syntax system t table text than that the there this threw throw throwable thrown time timeout timed to \
     token tokens too trace transaction try type types typeerror unable unauthorized unauthenticated uncaught \
     undefined unexpected unknown unsupported up update uri url used user userman username users usr utility valid \
     validate validated validation validator value values variable vendor verified verify version view void warning \
     was webroot were whoops with without write wrong www var yet zero"
        .split_ascii_whitespace()
        .collect()
});

/// Names of what is secret or personal, as the last part of a word.
const NAMES: &str = "authorization basic bearer cookie cookies credentials email hash id jwt key keys login mail name \
    owner pass passwd password pwd secret session token user username";
/// Those that need no `:` or `=` before what they name.
const NAMES_ALONE: &str = "basic bearer cookie login passwd password pwd secret user username";
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const METHODS: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

/// The time a record gives itself, as far as it is one, and what may be shown of the rest.
pub(super) fn record(file: &LogFile, record: &str) -> (String, String) {
    let first = record.lines().next().unwrap_or_default();
    match file.format {
        LogFormat::AccessLog => {
            Access::parse(first).map(|a| (time(a.time), access(&a, &file.prefix))).unwrap_or_default()
        }
        LogFormat::GqlApiError => {
            let at = gql_time(first).unwrap_or_default();
            (time(at), text(message(record).unwrap_or(&first[at.len()..])))
        }
        LogFormat::FreepbxLog => {
            let bracket = first.strip_prefix('[').and_then(|rest| rest.split_once(']'));
            let (at, rest) = bracket.filter(|(at, _)| at.len() <= 40).unwrap_or(("", first));
            (time(at), text(rest))
        }
    }
}

fn access(line: &Access<'_>, prefix: &str) -> String {
    let client = line.client.parse::<IpAddr>().map_or(MASK.to_string(), |client| client.to_string());
    let method = if METHODS.contains(&line.method) { line.method } else { "…" };
    let segments = line.api_segments(prefix).unwrap_or_default();
    let shown = segments.iter().take(SEGMENTS).flat_map(|s| ["/", if is_known(s) { *s } else { "…" }]);
    let path = shown.collect::<String>();
    let more = if segments.len() > SEGMENTS { "/…" } else { "" };
    format!("{client} {method} /admin/api{path}{more} {}", line.status)
}

/// Digits, months and `UTC` with what stands between them.
fn time(text: &str) -> String {
    let piece = |piece: &str| {
        let digits = piece.len() <= 4 && piece.bytes().all(|b| b.is_ascii_digit());
        digits || MONTHS.contains(&piece) || ["UTC", "GMT"].contains(&piece)
    };
    words(text, |_, word| word.split(['-', '+']).all(piece))
}

/// What may be shown of text that anyone may have had a part in.
fn text(text: &str) -> String {
    let mut shown = String::new();
    let mut named = false;
    for chunk in text.split_whitespace() {
        if !shown.is_empty() {
            shown.push(' ');
        }
        if let Some(name) = names_rest(named, chunk) {
            shown = shown + &words(name, keeps) + "…";
            break;
        }
        shown += &if named { MASK.to_string() } else { self::chunk(&shown, chunk) };
        named = names_next(chunk);
        if shown.len() > LENGTH {
            break;
        }
    }
    if shown.len() > LENGTH {
        shown = shown.chars().take(LENGTH).chain([MASK]).collect();
    }
    shown
}

/// Whether all that comes after a chunk is left out, and what of the chunk is not: `password:`, `a=`.
fn names_rest(named: bool, chunk: &str) -> Option<&str> {
    if named && chunk.chars().all(|c| c.is_ascii_punctuation()) {
        return Some(chunk);
    }
    let is_named = |(at, sign): &(usize, &str)| {
        let name = &chunk[..*at];
        // `::` is a method.
        let is_method = name.ends_with(':') || chunk[at + 1..].starts_with(':');
        *sign == "=" || (!is_method && NAMES.split(' ').any(|known| known == last_part(name)))
    };
    chunk.match_indices([':', '=']).find(is_named).map(|(at, _)| &chunk[..=at])
}

/// Whether the next chunk is something secret or personal, or a sign before it.
fn names_next(chunk: &str) -> bool {
    let names = if chunk.starts_with('[') { NAMES } else { NAMES_ALONE };
    names.split(' ').any(|name| name == last_part(chunk))
}

/// `password` of `[user_extPassword]`.
fn last_part(word: &str) -> String {
    let word = word.trim_end_matches(|c: char| c.is_ascii_punctuation());
    parts(word.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default())
        .last()
        .unwrap_or_default()
        .to_ascii_lowercase()
}

/// One chunk without spaces.
fn chunk(before: &str, chunk: &str) -> String {
    if chunk.contains('@') {
        return MASK.to_string();
    }
    let (shown, cut) = chunk.find('?').map_or((chunk, ""), |at| (&chunk[..=at], "…"));
    let keeps = |so_far: &str, word: &str| keeps(so_far, word) || is_line(before, so_far, word);
    words(shown, keeps) + cut
}

fn keeps(_: &str, word: &str) -> bool {
    is_known(word)
}

/// Whether a number says where in the code: `a.php:12`, `a.php(12)`, `on line 12`, `Argument #1`.
fn is_line(before: &str, so_far: &str, word: &str) -> bool {
    let digits = word.len() <= 5 && word.bytes().all(|b| b.is_ascii_digit());
    let ordinal = word.len() == 1 && so_far == "#";
    let after_file = so_far.ends_with(".php:") || so_far.ends_with(".php(");
    digits && (after_file || ordinal || (so_far.is_empty() && before.ends_with(" on line ")))
}

/// Keeps the words that `keeps` allows, given what is shown before them, and ASCII punctuation.
fn words(text: &str, keeps: impl Fn(&str, &str) -> bool) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        // Of `a-b+c` all is shown or nothing: it may be one secret.
        let is_word = |c: char| c.is_alphanumeric() || "_-+%~*!$&^|".contains(c) || !c.is_ascii();
        let end =
            if is_word(first) { rest.find(|c| !is_word(c)).unwrap_or(rest.len()) } else { first.len_utf8() };
        let (piece, after) = rest.split_at(end);
        rest = after;
        let plain = first == ' ' || first.is_ascii_punctuation();
        let allowed = if is_word(first) { keeps(&shown, piece) } else { plain };
        if allowed {
            shown += piece;
        } else if !shown.ends_with(MASK) {
            shown.push(MASK);
        }
    }
    shown
}

/// Whether each part of a word is one that these logs say.
fn is_known(word: &str) -> bool {
    let known = |part: &str| WORDS.contains(part.to_ascii_lowercase().as_str());
    let mut pieces =
        word.split(|c: char| c.is_ascii() && !c.is_ascii_alphanumeric()).filter(|p| !p.is_empty());
    pieces.all(|piece| known(piece) || parts(piece).all(known))
}

/// The parts of `OAuthServerException`: O, Auth, Server, Exception.
fn parts(word: &str) -> impl Iterator<Item = &str> {
    let bytes = word.as_bytes();
    let begins = move |at: usize| {
        let upper = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_uppercase);
        upper(at) && (!upper(at - 1) || bytes.get(at + 1).is_some_and(u8::is_ascii_lowercase))
    };
    let mut from = 0;
    (1..=bytes.len()).filter_map(move |at| {
        let ends = at == bytes.len() || begins(at);
        ends.then(|| word.get(std::mem::replace(&mut from, at)..at)).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(format: LogFormat, text: &str) -> (String, String) {
        record(&LogFile { path: "log".into(), format, prefix: String::new() }, text)
    }

    fn gql(said: &str) -> String {
        redacted(
            LogFormat::GqlApiError,
            &format!("2025-01-08 17:12:16 - stdClass Object\n(\n    [message] => {said}\n)"),
        )
        .1
    }

    fn freepbx(said: &str) -> (String, String) {
        redacted(LogFormat::FreepbxLog, said)
    }

    #[test]
    fn what_helps_is_left() {
        for (said, shown) in [
            (r#"Cannot query field "fetchAllExtensions" on type "Query"."#, None),
            ("Internal server error", None),
            (
                r#"Cannot query field "hunter2" on type "Query"."#,
                Some(r#"Cannot query field "…" on type "Query"."#),
            ),
            ("Syntax Error: Unexpected Name \"abc\"", Some("Syntax Error: Unexpected Name \"…\"")),
        ] {
            assert_eq!(gql(said), shown.unwrap_or(said));
        }
        let (time, text) = freepbx(
            r"[08-Jan-2025 17:12:16 UTC] PHP Fatal error:  Uncaught TypeError: League\OAuth2\Server\RequestTypes\AuthorizationRequest::addScope(): Argument #1 ($scope) must be of type League\OAuth2\Server\Entities\ScopeEntityInterface, null given in /var/www/html/admin/modules/api/Oauth/Oauth.php:123",
        );
        assert_eq!(time, "08-Jan-2025 17:12:16 UTC");
        assert!(
            text.starts_with(r"PHP Fatal error: Uncaught TypeError: League\OAuth2\Server\RequestTypes\"),
            "{text}"
        );
        assert!(
            text.ends_with("null given in /var/www/html/admin/modules/api/Oauth/Oauth.php:123"),
            "{text}"
        );
        let line = r#"192.0.2.7 - bob [21/Nov/2026:22:51:32 +0000] "GET /admin/api/api/extensions?key=x HTTP/1.1" 403 9 "https://x.example.com/?t=1" "a""#;
        let (time, text) = redacted(LogFormat::AccessLog, line);
        assert_eq!(
            (time.as_str(), text.as_str()),
            ("21/Nov/2026:22:51:32 +0000", "192.0.2.7 GET /admin/api/api/extensions 403")
        );
    }

    /// A secret that looks like one, one of letters, one that is a word of these logs, and one of several.
    const CANARIES: [&str; 7] = [
        "c4narY.eyJ0eXAi.c4narY-_x",
        "canary",
        "CanaryCanary",
        "canary-client-token",
        "0123456789abcdefcanary0123456789",
        "canary+token/value==",
        "\u{441}\u{430}canary\u{202e}",
    ];

    const HOSTILE: [&str; 26] = [
        "X",
        "password X",
        "password=X",
        "password: X",
        "the password is 'X'",
        "[password] => X",
        "[extPassword] => X",
        "{\"client_secret\":\"X\",\"a\":1}",
        "{\\\"client_secret\\\":\\\"X\\\"}",
        "client_id=a&client_secret=X&scope=gql",
        "Authorization: Bearer X",
        "Authorization: Basic X and more X",
        "Bearer X",
        "Cookie: PHPSESSID=X; other=X",
        "user X denied for user 'X'@'localhost'",
        "X@example.com and <X@example.com>",
        "https://u:X@pbx.example.com/admin/api/api/gql?token=X#X",
        "/admin/api/api/gql?access_token=X",
        "/var/www/html/X/admin.php:12",
        "token(X) token[X] token\tX \u{1b}[31mX",
        r"League\X\Y::X(X)",
        "Variable \"$X\" got invalid value {\"secret\":\"X\"}; Expected type String",
        "Access denied for user: X (using password: X)",
        "username = X",
        "key X session_id X login X",
        "_X_ X_X aX X1 %58X",
    ];

    #[test]
    fn no_canary_survives_wherever_it_stands() {
        for canary in CANARIES {
            for hostile in HOSTILE {
                let said = hostile.replace('X', canary);
                let access = format!(
                    "192.0.2.7 - {said} [21/Nov/2026:22:51:32 +0000] \"POST /admin/api/api/{canary}/{canary}?{canary} HTTP/1.1\" 401 9 \"{said}\" \"{said}\""
                );
                for (format, line) in [
                    (
                        LogFormat::GqlApiError,
                        format!("2025-01-08 17:12:16 - stdClass Object\n(\n    [message] => {said}\n)"),
                    ),
                    (LogFormat::GqlApiError, format!("2025-01-08 17:12:16 - {said}")),
                    (LogFormat::FreepbxLog, format!("[{said}] PHP Fatal error: {said} in /admin/api/")),
                    (LogFormat::FreepbxLog, format!("[08-Jan-2025 17:12:16] Exception {said}\n#0 {said}")),
                    (LogFormat::AccessLog, access),
                ] {
                    let (time, text) = redacted(format, &line);
                    let shown = format!("{time} {text}");
                    assert!(!shown.to_lowercase().contains("canary"), "{line}\n{shown}");
                    assert!(!shown.contains("c4nar") && !shown.contains("012345"), "{line}\n{shown}");
                    assert!(!shown.chars().any(char::is_control), "{shown:?}");
                }
            }
        }
    }

    #[test]
    fn what_a_secret_is_called_hides_even_words_of_these_logs() {
        for said in [
            "password: secret",
            "password=secret",
            "client_secret = secret",
            "[token] => secret",
            "user secret",
            "{\"a\":1,\"password\":\"secret",
            "Scope::a:token:secret",
        ] {
            assert!(!gql(&format!("Exception {said}")).ends_with("secret"), "{}", gql(said));
        }
    }

    #[test]
    fn digits_are_shown_only_where_they_tell_a_place_in_the_code() {
        for said in ["1234", "PIN 1234", "extension 2000", "#1234", "(1234)", "phar:1234", "line 12345678"] {
            assert!(!gql(said).contains(|c: char| c.is_ascii_digit()), "{said}: {}", gql(said));
        }
        assert_eq!(gql("thrown in Api.php on line 12"), "thrown in Api.php on line 12");
    }

    #[test]
    fn what_is_shown_of_a_record_is_bounded() {
        assert!(gql(&"error ".repeat(10_000)).len() < LENGTH + 20);
        assert!(gql(&"error".repeat(10_000)).len() < LENGTH + 20);
        assert!(gql(&"error/".repeat(10_000)).len() < LENGTH + 20);
    }

    #[test]
    fn rubbish_is_shown_as_little_or_nothing() {
        for format in [LogFormat::AccessLog, LogFormat::GqlApiError, LogFormat::FreepbxLog] {
            for line in ["", "[", "[]", "]", "\u{fffd}\u{fffd}", "[ ] \" \"", "=", ":", "a:", "::", "é=é"] {
                let (time, text) = redacted(format, line);
                assert!(time.len() + text.len() < 16, "{line}: {time} {text}");
            }
        }
    }
}
