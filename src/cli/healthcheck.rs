//! `pbx_exporter healthcheck`: asks the exporter that runs on this host, or in this container, whether it is well.
//!
//! For a container's health check, where there is neither shell nor curl.

use std::io::{self, Write as _};
use std::net::IpAddr;
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http::{HeaderMap, Method, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::timeout;
use url::Url;

use super::exit::Exit;
use super::{DEFAULT_ADDRESS, print_errors, web};
use crate::domain::target::ClientSettings;
use crate::domain::tls_fault::{ClientCertificate, TlsFault};
use crate::domain::{Operation, Reason, Request, TransportError};
use crate::transport::{HttpTransport, Limits, Transport};

/// Docker's own limit is 30 seconds; on loopback anything beyond this is not well.
const LIMITS: Limits = Limits { timeout: Duration::from_secs(3), body: 4096 };

/// Check the running exporter on this host, at its --web.listen-address
///
/// Exit codes: 0 healthy; 1 it answers, but is not healthy; 2 wrong arguments; 5 no answer within 3 seconds.
#[derive(Args, Debug)]
pub struct HealthcheckArgs {
    /// Check that it is ready: each target was probed, or a minute has passed
    #[arg(long)]
    ready: bool,
}

pub(super) async fn run(args: &HealthcheckArgs, options: &web::Options) -> ExitCode {
    let path = if args.ready { "/-/ready" } else { "/-/healthy" };
    let way = match options.way(DEFAULT_ADDRESS) {
        Ok(way) => way,
        Err(error) => return usage(error),
    };
    let path = format!("{}{path}", way.prefix);
    if let Some(place) = way.address.strip_prefix("unix:") {
        if way.tls {
            return usage(
                "no health check speaks TLS on a unix socket; give --web.health-listen-address".into(),
            );
        }
        return over_unix(place.split('?').next().unwrap_or_default(), &path).await;
    }
    let Some(urls) = urls(way.address, &path, way.tls) else {
        return usage("--web.listen-address is not HOST:PORT or :PORT with the exporter's port".to_owned());
    };
    let transport = HttpTransport::new();
    let (mut errors, mut exit) = (Vec::new(), Exit::Failed);
    for url in urls {
        match ask(&transport, url.clone()).await {
            Ok(status) => return report(url.as_str(), status.as_u16()),
            // The handshake is over: whoever asks for a certificate is alive.
            Err(TransportError::Tls(TlsFault::ClientCertificate(ClientCertificate::Missing))) => {
                let _ = writeln!(std::io::stdout(), "{url} asks for a client certificate");
                return Exit::Fine.into();
            }
            Err(error) => {
                errors.push(format!("{url}: {error}"));
                exit = Exit::of(Operation::Token, error.reason());
                // Who takes the connection and stays silent is found: the limit is for all addresses together.
                if error.reason() != Reason::Connect {
                    break;
                }
            }
        }
    }
    print_errors(&errors);
    exit.into()
}

fn usage(error: String) -> ExitCode {
    print_errors(&[error]);
    Exit::Usage.into()
}

/// A service that asks for a password answers, so it is alive.
fn report(place: &str, status: u16) -> ExitCode {
    if status == 200 || status == 401 {
        // Where nobody listens, the exit code remains.
        let _ = writeln!(std::io::stdout(), "{place} answers HTTP {status}");
        return Exit::Fine.into();
    }
    print_errors(&[format!("{place} answers HTTP {status}")]);
    Exit::Failed.into()
}

async fn over_unix(socket: &str, path: &str) -> ExitCode {
    let place = format!("unix:{socket} {path}");
    match timeout(LIMITS.timeout, status_over_unix(socket, path)).await {
        Ok(Ok(status)) => report(&place, status),
        Ok(Err(error)) => no_answer(&place, &error.to_string()),
        Err(_) => no_answer(&place, "no answer in time"),
    }
}

fn no_answer(place: &str, error: &str) -> ExitCode {
    print_errors(&[format!("{place}: {error}")]);
    Exit::Transport.into()
}

async fn status_over_unix(socket: &str, path: &str) -> io::Result<u16> {
    let mut stream = UnixStream::connect(socket).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.take(LIMITS.body).read_to_string(&mut answer).await?;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.ok_or_else(|| io::Error::other("the answer is no HTTP"))
}

async fn ask(transport: &HttpTransport, url: Url) -> Result<StatusCode, TransportError> {
    let request = Request {
        method: Method::GET,
        url,
        headers: HeaderMap::new(),
        body: Bytes::new(),
        session: None,
        reads: true,
        last: true,
    };
    // It is this host that answers, and nothing secret is sent.
    let settings = ClientSettings { insecure_skip_verify: true, ..ClientSettings::default() };
    let exchange = transport.exchange(&settings, LIMITS, request).await;
    exchange.result.map(|answer| answer.status)
}

/// Where an exporter that listens on `address` is to be found on this host; every address is loopback, too.
fn urls(address: &str, path: &str, tls: bool) -> Option<Vec<Url>> {
    let scheme = if tls { "https" } else { "http" };
    let (host, port) = address.rsplit_once(':')?;
    let port: u16 = port.parse().ok().filter(|port| *port != 0)?;
    let ip: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    let hosts = match ip {
        None if host.is_empty() => vec!["127.0.0.1", "[::1]"],
        Some(IpAddr::V4(ip)) if ip.is_unspecified() => vec!["127.0.0.1"],
        Some(IpAddr::V6(ip)) if ip.is_unspecified() => vec!["127.0.0.1", "[::1]"],
        _ => vec![host],
    };
    hosts.into_iter().map(|host| Url::parse(&format!("{scheme}://{host}:{port}{path}")).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_listen_address_leads_to_the_exporter() {
        for (address, expected) in [
            (":10177", &["http://127.0.0.1:10177/x", "http://[::1]:10177/x"][..]),
            ("[::]:10177", &["http://127.0.0.1:10177/x", "http://[::1]:10177/x"]),
            ("0.0.0.0:9", &["http://127.0.0.1:9/x"]),
            ("127.0.0.1:10177", &["http://127.0.0.1:10177/x"]),
            ("[::1]:10177", &["http://[::1]:10177/x"]),
            ("192.0.2.7:10177", &["http://192.0.2.7:10177/x"]),
            ("localhost:10177", &["http://localhost:10177/x"]),
        ] {
            let urls = urls(address, "/x", false).unwrap_or_default();
            assert_eq!(urls.iter().map(Url::as_str).collect::<Vec<_>>(), expected, "{address}");
        }
        for address in ["", "10177", "localhost", ":0", ":http", "::1", "a b:1"] {
            assert_eq!(urls(address, "/x", false), None, "{address}");
        }
    }
}
