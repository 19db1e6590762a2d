//! What a proxy answers to CONNECT where it opens no tunnel: reqwest reports only that it was not 200.
//!
//! Does not belong here: tunnels that are used.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::{Position, Url};

use crate::domain::TransportError;
use crate::domain::target::ProxySettings;

/// Asks an http:// proxy once more for a tunnel to `url`, for the status alone.
pub(super) async fn refusal(proxy: &ProxySettings, url: &Url) -> TransportError {
    match status(proxy, url).await {
        Some(status) if status != 200 => TransportError::Tunnel(status),
        _ => TransportError::Proxy("it does not answer like a proxy".into()),
    }
}

async fn status(proxy: &ProxySettings, url: &Url) -> Option<u16> {
    if proxy.url.scheme() != "http" {
        return None;
    }
    let host = proxy.url.host_str()?.trim_matches(['[', ']']);
    let mut stream = TcpStream::connect((host, proxy.url.port_or_known_default()?)).await.ok()?;
    stream.write_all(connect(proxy, url)?.as_bytes()).await.ok()?;
    let mut line = [0; 12];
    stream.read_exact(&mut line).await.ok()?;
    let line = std::str::from_utf8(&line).ok()?;
    line.strip_prefix("HTTP/1.")?.get(2..)?.parse().ok()
}

fn connect(proxy: &ProxySettings, url: &Url) -> Option<String> {
    let host = &url[Position::BeforeHost..Position::AfterHost];
    let port = url.port_or_known_default()?;
    let mut request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n");
    if let Some((user, password)) = &proxy.credentials {
        let password = password.read().ok()?;
        let pair = STANDARD.encode(format!("{user}:{}", password.expose_secret()));
        request.extend(["Proxy-Authorization: Basic ", &pair, "\r\n"]);
    }
    Some(request + "\r\n")
}
