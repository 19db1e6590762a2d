//! Healthy answers that are a little odd, as RFCs allow them or as common servers, proxies and libraries give them. None is a
//! failure.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use pbx_exporter::sim::target::{MACHINE_ID, SECRET};
use tokio::io::AsyncWriteExt as _;

use crate::support::process::{Service, eventually};
use crate::support::raw::{Server, ok};

const TOKEN: &str = r#"{"token_type":"Bearer","expires_in":3600,"access_token":"made-up"}"#;
const LIST: &str = r#"{"data":{"fetchAllExtensions":{"status":true,"message":"x","totalCount":3}}}"#;
const USERS: &str = r#"{"2000":{"extension":"2000","name":"Phone","voicemail":"novm"}}"#;

/// What goes over the wire for a token, and for the list.
#[derive(Clone)]
struct Odd {
    name: &'static str,
    call: &'static str,
    token: Vec<u8>,
    list: Vec<u8>,
    total: Option<f64>,
}

fn usual(name: &'static str) -> Odd {
    Odd { name, call: "graphql", token: ok(TOKEN).into(), list: ok(LIST).into(), total: Some(3.0) }
}

/// Both answers have this oddity.
fn both(name: &'static str, odd: impl Fn(&str) -> Vec<u8>) -> Odd {
    Odd { token: odd(TOKEN), list: odd(LIST), ..usual(name) }
}

/// Both heads have these lines, whatever else is usual.
fn headed(name: &'static str, lines: &str) -> Odd {
    both(name, |body| answer("200 OK", lines, body.as_bytes()))
}

/// The token answer is this JSON.
fn token(name: &'static str, body: &str) -> Odd {
    Odd { token: ok(body).into(), ..usual(name) }
}

/// GraphQL's list is this JSON.
fn list(name: &'static str, total: Option<f64>, body: &str) -> Odd {
    Odd { list: ok(body).into(), total, ..usual(name) }
}

/// REST's list is this JSON.
fn users(name: &'static str, total: f64, body: &str) -> Odd {
    Odd { call: "rest", list: ok(body).into(), total: Some(total), ..usual(name) }
}

fn answer(status: &str, lines: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\n{lines}content-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn chunked(lines: &str, body: &str, trailer: &str) -> Vec<u8> {
    let (first, rest) = body.split_at(7);
    let chunks = [first, rest].map(|part| format!("{:X};ext=1\r\n{part}\r\n", part.len())).concat();
    format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{lines}\r\n{chunks}0\r\n{trailer}\r\n").into()
}

fn gzip(body: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body.as_bytes()).expect("to memory");
    encoder.finish().expect("to memory")
}

/// "deflate" is zlib's form (RFC 9110 section 8.4.1.2); some servers send the bare one.
fn deflate(body: &str, bare: bool) -> Vec<u8> {
    if bare {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(body.as_bytes()).expect("to memory");
        return encoder.finish().expect("to memory");
    }
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body.as_bytes()).expect("to memory");
    encoder.finish().expect("to memory")
}

/// What differs between HTTP's bytes.
fn on_the_wire() -> Vec<Odd> {
    let long = format!("content-security-policy: {}\r\n", "default-src 'self'; ".repeat(400));
    let many = [0; 80].map(|_| "x-made-up: 1\r\n").concat();
    vec![
        both("chunked", |body| chunked("", body, "")),
        both("chunked with a trailer", |body| chunked("Trailer: X-Sum\r\n", body, "X-Sum: 1\r\n")),
        both("HTTP/1.0 to the end", |body| format!("HTTP/1.0 200 OK\r\n\r\n{body}").into()),
        both("HTTP/1.1 to the end", |body| {
            format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{body}").into()
        }),
        both("100 Continue before", |body| format!("HTTP/1.1 100 Continue\r\n\r\n{}", ok(body)).into()),
        both("103 Early Hints before", |body| {
            format!("HTTP/1.1 103 Early Hints\r\nlink: </x.css>; rel=preload\r\n\r\n{}", ok(body)).into()
        }),
        both("no reason phrase", |body| ok(body).replacen("200 OK", "200 ", 1).into()),
        both("no reason phrase and no blank", |body| ok(body).replacen("200 OK", "200", 1).into()),
        both("another reason phrase", |body| ok(body).replacen("200 OK", "200 Alles in Ordnung", 1).into()),
        both("line ends without CR", |body| ok(body).replace("\r\n", "\n").into()),
        both("header names in capitals", |body| {
            ok(body).replacen("content-length", "CONTENT-LENGTH", 1).into()
        }),
        both("no blank behind the colon", |body| ok(body).replacen("length: ", "length:", 1).into()),
        both("blanks around the value", |body| ok(body).replacen("length: ", "length: \t  ", 1).into()),
        both("the same length twice", |body| {
            answer("200 OK", &format!("content-length: {}\r\n", body.len()), body.as_bytes())
        }),
        both("201 Created", |body| answer("201 Created", "", body.as_bytes())),
        both("203 from a proxy that changes answers", |body| {
            answer("203 Non-Authoritative Information", "", body.as_bytes())
        }),
        headed("Keep-Alive", "connection: keep-alive\r\nkeep-alive: timeout=5, max=100\r\n"),
        headed("closed after each", "connection: close\r\n"),
        headed("an offer of another protocol", "upgrade: h2,h2c\r\nconnection: Upgrade, Keep-Alive\r\n"),
        headed("a long header field", &long),
        headed("many header fields", &many),
        headed("duplicate header fields", "x-made-up: 1\r\nx-made-up: 2\r\nvary: accept\r\nvary: origin\r\n"),
        headed("an empty header field", "x-empty:\r\n"),
        headed("a header field in Latin-1's place", "x-name: M\u{fc}ller\r\n"),
        headed("cookies", "set-cookie: PHPSESSID=made-up; path=/; HttpOnly\r\nset-cookie: lang=en_US\r\n"),
        headed("a token's cache rules", "cache-control: no-store\r\npragma: no-cache\r\nexpires: -1\r\n"),
        headed("no date that is one", "date: today\r\n"),
        headed(
            "HSTS and a server's name",
            "strict-transport-security: max-age=1\r\nserver: Apache/2.4.6 (CentOS) PHP/7.4\r\n",
        ),
        headed("a rate limit that is not used up", "x-ratelimit-limit: 100\r\nx-ratelimit-remaining: 99\r\n"),
    ]
}

/// What differs in type, charset and coding of the content.
fn content() -> Vec<Odd> {
    let coded = |name, coding: &'static str, code: fn(&str) -> Vec<u8>| {
        both(name, move |body| answer("200 OK", &format!("content-encoding: {coding}\r\n"), &code(body)))
    };
    vec![
        headed("text/html", "content-type: text/html; charset=UTF-8\r\n"),
        headed("text/json", "content-type: text/json;charset=UTF-8\r\n"),
        headed("text/plain", "content-type: text/plain\r\n"),
        headed("JSON with a charset", "content-type: application/json; charset=utf-8\r\n"),
        headed(
            "JSON with a charset in quotes and capitals",
            "Content-Type: Application/JSON;Charset=\"UTF-8\"\r\n",
        ),
        headed("JSON of a vendor", "content-type: application/vnd.example+json; version=1\r\n"),
        headed("GraphQL's own type", "content-type: application/graphql-response+json\r\n"),
        headed("a type that is none", "content-type: json\r\n"),
        headed("two types", "content-type: text/html\r\ncontent-type: application/json\r\n"),
        both("a byte order mark", |body| ok(&format!("\u{feff}{body}")).into()),
        both("blank lines before and behind", |body| ok(&format!("\n\r\n  {body}\r\n\n")).into()),
        both("blanks and CRLF within", |body| ok(&body.replace(',', " ,\r\n\t")).into()),
        both("a notice of PHP before", |body| {
            ok(&format!(
                "<br />\n<b>Notice</b>:  Undefined index: x in <b>/x.php</b> on line <b>1</b><br />\n{body}"
            ))
            .into()
        }),
        coded("gzip that was not asked for", "gzip", gzip),
        coded("gzip by its old name", "x-gzip", gzip),
        coded("deflate that was not asked for", "deflate", |body| deflate(body, false)),
        coded("deflate without zlib's frame", "deflate", |body| deflate(body, true)),
        coded("identity said", "identity", |body| body.as_bytes().to_vec()),
        both("gzip that is not said", |body| answer("200 OK", "", &gzip(body))),
    ]
}

/// What differs in a token's JSON (RFC 6749 section 5.1).
fn tokens() -> Vec<Odd> {
    let with = |name, from: &str, to: &str| token(name, &TOKEN.replacen(from, to, 1));
    vec![
        with("bearer in small letters", "Bearer", "bearer"),
        with("bearer in capitals", "Bearer", "BEARER"),
        with("no token type", r#""token_type":"Bearer","#, ""),
        with("a lifetime as text", ":3600", r#":"3600""#),
        with("a lifetime with a fraction", ":3600", ":3600.0"),
        with("a lifetime in another notation", ":3600", ":3.6e3"),
        with("no lifetime", r#""expires_in":3600,"#, ""),
        with("null for a lifetime", ":3600", ":null"),
        with("a long lifetime", ":3600", ":31536000"),
        with("scopes as a list", "{", r#"{"scope":["gql","rest"],"#),
        with("scopes as text", "{", r#"{"scope":"gql rest","#),
        with("no scope in words", "{", r#"{"scope":"","#),
        with("null for the scope", "{", r#"{"scope":null,"#),
        with("null for a refresh token", "{", r#"{"refresh_token":null,"#),
        with("false for a refresh token", "{", r#"{"refresh_token":false,"#),
        with("further members", "{", r#"{"not-before-policy":0,"session":{"id":[1,2]},"error":null,"#),
        with("escapes", "made-up", r"made\u002dup"),
        with("a token of other characters", "made-up", "made|up:1$2,3"),
        with("a token with padding", "made-up", "bWFkZS11cA=="),
        token("a long token", &TOKEN.replacen("made-up", &"x".repeat(6000), 1)),
    ]
}

/// What differs in a list's JSON.
fn lists() -> Vec<Odd> {
    let with = |name, from: &str, to: &str| list(name, Some(3.0), &LIST.replacen(from, to, 1));
    vec![
        with("a total as text", ":3}", r#":"3"}"#),
        with("a total with a fraction", ":3}", ":3.0}"),
        list("a total of nothing", Some(0.0), &LIST.replacen(":3}", ":0}", 1)),
        list("null for the total", None, &LIST.replacen(":3}", ":null}", 1)),
        with("null for the message", r#""x""#, "null"),
        with("a message in another language", r#""x""#, r#""Nebenstellen gefunden \u2713 \u00fc""#),
        with("a message that names errors", r#""x""#, r#""error: unauthorized, access_denied""#),
        with("an empty list of errors", "{", r#"{"errors":[],"#),
        with("null for errors", "{", r#"{"errors":null,"#),
        with("extensions of GraphQL's answer", "{", r#"{"extensions":{"tracing":{"version":1}},"#),
        with("the items too", ":3}", r#":3,"extension":[{"extensionId":"2000"},{"extensionId":null},{}]}"#),
        users("an empty list", 0.0, "[]"),
        users("an empty object", 0.0, "{}"),
        users("names of the world", 1.0, &USERS.replacen("Phone", "Ærø 東京 \\ud83d\\ude00 é", 1)),
        users("null members", 1.0, &USERS.replacen("\"Phone\"", "null", 1)),
        users("a list with keys from 0", 1.0, r#"[{"extension":"0","name":"Operator"}]"#),
        users(
            "members that are not ours",
            1.0,
            &USERS.replacen('{', "{ ", 1).replacen("novm", "default\",\"x\":[{}],\"y\":\"", 1),
        ),
    ]
}

async fn serve(odd: &Odd) -> Server {
    let (token, list) = (odd.token.clone(), odd.list.clone());
    Server::scripted(move |server, mut stream| {
        let (token, list) = (token.clone(), list.clone());
        async move {
            while let Some(request) = server.request(&mut stream).await {
                let answer = if request.starts_with("POST /admin/api/api/token") { &token } else { &list };
                if stream.write_all(answer).await.is_err() || ends(answer) {
                    break;
                }
            }
            let _ = stream.shutdown().await;
        }
    })
    .await
}

fn ends(answer: &[u8]) -> bool {
    let head = String::from_utf8_lossy(answer).to_lowercase();
    head.starts_with("http/1.0") || head.contains("connection: close")
}

#[tokio::test]
async fn none_is_called_a_failure() {
    let odds = [on_the_wire(), content(), tokens(), lists()].concat();
    assert!(odds.len() >= 80, "{}", odds.len());
    let mut targets = Vec::new();
    for (n, odd) in odds.iter().enumerate() {
        let url = serve(odd).await.http("");
        targets.push(format!("- {{name: pbx-{n}, url: '{url}', call: {}}}\n", odd.call));
    }
    let config = format!(
        "limits: {{probes_per_host: 1000}}\ndefaults: {{interval: 1d, failure_interval: 1h, timeout: 10s, \
         auth: {{client_id: '{MACHINE_ID}', client_secret: '{SECRET}'}}}}\ntargets:\n{}",
        targets.concat()
    );
    let service = Service::start(&config, &[]).await;
    let text = eventually("all are probed", async || {
        let ready = service.get("/-/ready").await.status == 200;
        if ready { Some(service.metrics().await) } else { None }
    })
    .await;
    let value = |family: &str, n: usize| {
        crate::support::process::value(&text, &format!("{family}{{target=\"pbx-{n}\"}}"))
    };
    let seen = |n: usize| (value("pbx_up", n), value("pbx_extensions", n));
    let wrong: Vec<_> = (0..odds.len())
        .filter(|&n| seen(n) != (Some(1.0), odds[n].total))
        .map(|n| {
            let of = format!("target=\"pbx-{n}\"");
            let why =
                text.lines().find(|line| line.starts_with("pbx_target_condition") && line.contains(&of));
            format!("{}: {:?} {}", odds[n].name, seen(n), why.unwrap_or_default())
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
