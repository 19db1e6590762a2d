//! `pbx_exporter healthcheck`: asks the exporter that runs on this host, or in this container, whether it is well.
//!
//! For a container's health check, where there is neither shell nor curl.

use std::io::Write as _;
use std::net::IpAddr;
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use super::exit::Exit;
use super::{DEFAULT_ADDRESS, print_errors};
use crate::domain::target::ClientSettings;
use crate::domain::{Operation, Reason, Request, TransportError};
use crate::transport::{HttpTransport, Limits, Transport};

/// Docker's own limit is 30 seconds; on loopback anything beyond this is not well.
const LIMITS: Limits = Limits { timeout: Duration::from_secs(3), body: 4096 };

/// Ask the running exporter on this host whether it is well, by its --web.listen-address
///
/// Exit codes: 0 well; 1 it answers, and is not; 2 wrong arguments; 5 no answer within 3 seconds.
#[derive(Args, Debug)]
pub struct HealthcheckArgs {
    /// Whether it is ready: each target was probed, or a minute has passed
    #[arg(long)]
    ready: bool,
}

pub(super) async fn run(args: &HealthcheckArgs, listen_address: Option<&str>) -> ExitCode {
    let path = if args.ready { "/-/ready" } else { "/-/healthy" };
    let Some(urls) = urls(listen_address.unwrap_or(DEFAULT_ADDRESS), path) else {
        print_errors(&["--web.listen-address is not HOST:PORT or :PORT with the exporter's port".to_owned()]);
        return Exit::Usage.into();
    };
    let transport = HttpTransport::new();
    let (mut errors, mut exit) = (Vec::new(), Exit::Failed);
    for url in urls {
        match ask(&transport, url.clone()).await {
            Ok(StatusCode::OK) => {
                // Where nobody listens, the exit code remains.
                let _ = writeln!(std::io::stdout(), "{url} answers HTTP 200");
                return Exit::Fine.into();
            }
            Ok(status) => {
                errors = vec![format!("{url} answers HTTP {}", status.as_u16())];
                exit = Exit::Failed;
                break;
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
    let exchange = transport.exchange(&ClientSettings::default(), LIMITS, request).await;
    exchange.result.map(|answer| answer.status)
}

/// Where an exporter that listens on `address` is to be found on this host; every address is loopback, too.
fn urls(address: &str, path: &str) -> Option<Vec<Url>> {
    let (host, port) = address.rsplit_once(':')?;
    let port: u16 = port.parse().ok().filter(|port| *port != 0)?;
    let ip: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    let hosts = match ip {
        None if host.is_empty() => vec!["127.0.0.1", "[::1]"],
        Some(IpAddr::V4(ip)) if ip.is_unspecified() => vec!["127.0.0.1"],
        Some(IpAddr::V6(ip)) if ip.is_unspecified() => vec!["127.0.0.1", "[::1]"],
        _ => vec![host],
    };
    hosts.into_iter().map(|host| Url::parse(&format!("http://{host}:{port}{path}")).ok()).collect()
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
            let urls = urls(address, "/x").unwrap_or_default();
            assert_eq!(urls.iter().map(Url::as_str).collect::<Vec<_>>(), expected, "{address}");
        }
        for address in ["", "10177", "localhost", ":0", ":http", "::1", "a b:1"] {
            assert_eq!(urls(address, "/x"), None, "{address}");
        }
    }
}
