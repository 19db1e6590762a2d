//! The flags of the listener, each also from the environment.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use url::Url;

use super::print_errors;
use crate::config::Config;
use crate::listener::{self, MAX_REQUESTS, Settings, Socket, WebConfig, web_config};
use crate::metrics::ExporterMetrics;

/// Where the service listens, and who may use it.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Listener options")]
#[group(skip)]
pub(super) struct Options {
    /// Address to listen on: HOST:PORT, :PORT or unix:/PATH?mode=0660; may be given several times
    /// [default: :10177; for demo 127.0.0.1:10177]
    #[arg(
        long = "web.listen-address",
        env = "PBX_EXPORTER_WEB_LISTEN_ADDRESS",
        value_name = "ADDRESS",
        value_delimiter = ',',
        global = true
    )]
    listen_address: Vec<String>,
    /// Listen only on the sockets passed by systemd
    #[arg(long = "web.systemd-socket", env = "PBX_EXPORTER_WEB_SYSTEMD_SOCKET", global = true)]
    systemd_socket: bool,
    /// Address that serves only /-/healthy and /-/ready, without TLS and password; may be given several times
    #[arg(
        long = "web.health-listen-address",
        env = "PBX_EXPORTER_WEB_HEALTH_LISTEN_ADDRESS",
        value_name = "ADDRESS",
        value_delimiter = ',',
        global = true
    )]
    health_listen_address: Vec<String>,
    /// File with TLS, users, headers and rate limit, in the format of the Prometheus exporters
    #[arg(
        id = "web_config_file",
        long = "web.config.file",
        env = "PBX_EXPORTER_WEB_CONFIG_FILE",
        value_name = "FILE",
        global = true
    )]
    config_file: Option<PathBuf>,
    /// Address at which browsers reach this service, if there is a proxy in front
    #[arg(
        long = "web.external-url",
        env = "PBX_EXPORTER_WEB_EXTERNAL_URL",
        value_name = "URL",
        value_parser = parse_external_url,
        global = true
    )]
    external_url: Option<Url>,
    /// Prefix of all paths [default: the path of --web.external-url]
    #[arg(
        long = "web.route-prefix",
        env = "PBX_EXPORTER_WEB_ROUTE_PREFIX",
        value_name = "PATH",
        value_parser = parse_route_prefix,
        global = true
    )]
    route_prefix: Option<String>,
    /// Path of the metrics
    #[arg(
        long = "web.telemetry-path",
        env = "PBX_EXPORTER_WEB_TELEMETRY_PATH",
        value_name = "PATH",
        default_value = "/metrics",
        global = true
    )]
    telemetry_path: String,
    /// Host names accepted in requests, in addition to IP addresses, localhost, this host's name and that of the
    /// external URL; `*` for any
    #[arg(
        long = "web.allowed-hosts",
        env = "PBX_EXPORTER_WEB_ALLOWED_HOSTS",
        value_name = "NAME",
        value_delimiter = ',',
        global = true
    )]
    allowed_hosts: Vec<String>,
    /// Connections at the same time [default: half of the file descriptors, at most 512]
    #[arg(
        long = "web.max-connections",
        env = "PBX_EXPORTER_WEB_MAX_CONNECTIONS",
        value_name = "N",
        value_parser = clap::value_parser!(u16).range(1..),
        global = true
    )]
    max_connections: Option<u16>,
    /// Requests served at the same time
    #[arg(
        long = "web.max-requests",
        env = "PBX_EXPORTER_WEB_MAX_REQUESTS",
        value_name = "N",
        default_value_t = MAX_REQUESTS,
        value_parser = clap::value_parser!(u16).range(1..),
        global = true
    )]
    max_requests: u16,
    /// Let everyone request reloads and probes (POST /-/reload, /-/probe)
    #[arg(long = "web.enable-lifecycle", env = "PBX_EXPORTER_WEB_ENABLE_LIFECYCLE", global = true)]
    lifecycle: bool,
}

fn parse_external_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(|url| {
        let is_bare = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        is_bare && url.password().is_none() && url.has_host() && matches!(url.scheme(), "http" | "https")
    });
    let mut url = url.ok_or("write it as in https://exporter.example.com/path")?;
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}

fn parse_route_prefix(text: &str) -> Result<String, String> {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/".contains(&b);
    let prefix = format!("/{}", text.trim_matches('/'));
    let is_path = prefix.bytes().all(is_plain) && !prefix.contains("//");
    if is_path {
        Ok(prefix)
    } else {
        Err("write a path as in /pbx, of letters, digits and - . _ ~".to_owned())
    }
}

/// How a process on this host reaches the service.
pub(super) struct Way<'a> {
    pub address: &'a str,
    pub tls: bool,
    pub prefix: String,
}

impl Options {
    /// Where the service is to be found, the health listener first.
    pub(super) fn way(&self, default_address: &'static str) -> Result<Way<'_>, String> {
        if let Some(address) = self.health_listen_address.first() {
            return Ok(Way { address, tls: false, prefix: String::new() });
        }
        if self.systemd_socket {
            return Err(
                "with --web.systemd-socket the address is not known; give --web.health-listen-address".into(),
            );
        }
        let tls = self.config_file.as_deref().map(web_config::speaks_tls).transpose()?.unwrap_or_default();
        let address = self.listen_address.first().map_or(default_address, String::as_str);
        Ok(Way { address, tls, prefix: self.prefix().trim_end_matches('/').to_owned() })
    }

    /// Whether the web configuration file can be used; says on standard error what there is to say.
    pub(super) fn check(&self) -> bool {
        let Some(path) = &self.config_file else { return true };
        let shown = path.display();
        match web_config::check(path) {
            Ok(warnings) => {
                for warning in warnings {
                    // Where nobody listens, the exit code remains.
                    let _ = writeln!(std::io::stderr(), "warning: {shown}: {warning}");
                }
                true
            }
            Err(error) => {
                print_errors(&[format!("{shown}: {error}")]);
                false
            }
        }
    }

    fn prefix(&self) -> String {
        let of_url = || self.external_url.as_ref().map_or("/", Url::path).to_owned();
        self.route_prefix.clone().unwrap_or_else(of_url)
    }

    /// Binds what the flags name.
    pub(super) async fn settings(
        &self,
        default_address: &str,
        metrics: &Arc<ExporterMetrics>,
    ) -> anyhow::Result<Settings> {
        listener::raise_limit();
        let config = self.config_file.as_ref().map(|path| {
            WebConfig::open(path, Arc::clone(metrics))
                .map_err(|error| anyhow!("failed to use --web.config.file {}: {error}", path.display()))
        });
        let config = config.transpose()?.map(Arc::new);
        let defaults = Settings::on(self.sockets(default_address).await?);
        Ok(Settings {
            health: bind(&self.health_listen_address, "--web.health-listen-address").await?,
            config,
            external_url: self.external_url.clone(),
            route_prefix: self.prefix(),
            telemetry_path: self.telemetry_path.clone(),
            max_connections: self.max_connections.map_or(defaults.max_connections, usize::from),
            max_requests: usize::from(self.max_requests),
            allowed_hosts: self.allowed_hosts.clone(),
            lifecycle: self.lifecycle,
            ..defaults
        })
    }

    async fn sockets(&self, default_address: &str) -> anyhow::Result<Vec<Socket>> {
        if self.systemd_socket {
            tracing::info!("Listening on systemd activated listeners instead of port listeners.");
            return Socket::from_systemd().context("failed to use --web.systemd-socket");
        }
        let default = [default_address.to_owned()];
        let is_given = !self.listen_address.is_empty();
        bind(if is_given { &self.listen_address } else { &default }, "--web.listen-address").await
    }

    /// The configuration with the external URL that flag and key come to: each is the default of the other.
    pub(super) fn with_external_url(&self, mut config: Config) -> Result<Config, String> {
        match (&self.external_url, &config.external_url) {
            (Some(flag), Some(key)) if flag != key => Err(format!(
                "--web.external-url is {flag} and authorization.external_url {key}; remove one of them"
            )),
            (None, None) if config.has_page => {
                Err("authorization: says no external_url; add it, or give --web.external-url".to_owned())
            }
            (Some(flag), None) if config.has_page => {
                config.external_url = Some(flag.clone());
                Ok(config)
            }
            _ => Ok(config),
        }
    }
}

async fn bind(addresses: &[String], flag: &str) -> anyhow::Result<Vec<Socket>> {
    let mut sockets = Vec::new();
    for address in addresses {
        if address.is_empty() {
            bail!("{flag} is empty");
        }
        sockets.push(Socket::bind(address).await.with_context(|| format!("failed to use {flag}"))?);
    }
    Ok(sockets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn external_urls_and_prefixes_as_a_table() {
        for (text, expected) in [
            ("https://exporter.example.com", Some("https://exporter.example.com/")),
            ("https://example.com/pbx", Some("https://example.com/pbx/")),
            ("exporter.example.com", None),
            ("https://u@example.com", None),
            ("https://example.com/?x", None),
            ("ftp://example.com/", None),
        ] {
            let url = parse_external_url(text).ok();
            assert_eq!(url.as_ref().map(Url::as_str), expected, "{text}");
        }
        for (text, expected) in [
            ("/", Some("/")),
            ("", Some("/")),
            ("pbx/", Some("/pbx")),
            ("/a/b/", Some("/a/b")),
            ("/a b", None),
        ] {
            assert_eq!(parse_route_prefix(text).ok().as_deref(), expected, "{text}");
        }
    }
}
