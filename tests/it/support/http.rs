//! The plainest HTTP client: one request, one connection.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Reply {
    /// The value of a header field, named in lower case; empty where it is absent.
    pub fn header(&self, name: &str) -> &str {
        let mut fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }

    /// Every value of a header field.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields.filter(move |(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Head and body as received.
    pub fn whole(&self) -> String {
        format!("{}\n{}", self.head, self.body)
    }
}

/// Sends a request with a body.
pub async fn send_body(
    authority: &str,
    method: &str,
    path: &str,
    headers: &[&str],
    content_type: &str,
    body: &str,
) -> Option<Reply> {
    let (length, kind) = (format!("content-length: {}", body.len()), format!("content-type: {content_type}"));
    let headers = [headers, &[&length, &kind]].concat();
    exchange(authority, method, path, &headers, body).await
}

/// Sends a request with `headers` (whole lines) to `authority`; `None` where nobody answers. The answer ends with
/// the connection.
pub async fn send(authority: &str, method: &str, path: &str, headers: &[&str]) -> Option<Reply> {
    exchange(authority, method, path, headers, "").await
}

async fn exchange(authority: &str, method: &str, path: &str, headers: &[&str], body: &str) -> Option<Reply> {
    let stream = TcpStream::connect(authority).await.ok()?;
    let host = format!("host: {authority}");
    let named = headers.iter().any(|line| line.to_ascii_lowercase().starts_with("host:"));
    let own: &[&str] = if named { &["connection: close"] } else { &[&host, "connection: close"] };
    let first = format!("{method} {path} HTTP/1.1");
    let request = [&[first.as_str()], own, headers, &["", body]].concat().join("\r\n");
    over(stream, &request).await
}

/// Sends a request as it is over any stream.
pub async fn over(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> Option<Reply> {
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.ok()?;
    let text = String::from_utf8(bytes).expect("answers are text");
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let reply = Reply { status, head: head.to_owned(), body: body.to_owned() };
    let is_chunked = reply.header("transfer-encoding").eq_ignore_ascii_case("chunked");
    if is_chunked { Some(Reply { body: joined(body)?, ..reply }) } else { Some(reply) }
}

/// The chunks of a body (RFC 9112 section 7.1) in one piece.
fn joined(mut chunks: &str) -> Option<String> {
    let mut body = String::new();
    loop {
        let (size, rest) = chunks.split_once("\r\n")?;
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.push_str(rest.get(..size)?);
        chunks = rest.get(size..)?.strip_prefix("\r\n")?;
    }
}
