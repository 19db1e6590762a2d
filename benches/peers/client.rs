//! One keep-alive connection to a service, as a scraper has it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http::HeaderMap;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, HeaderValue};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};

/// A bare reqwest client.
pub fn bare() -> anyhow::Result<reqwest::Client> {
    // All is plain HTTP here; without this, reqwest would read the system's certificates.
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let client = reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy();
    Ok(client.timeout(Duration::from_secs(30)).build()?)
}

/// What is asked for: an exposition format and a content coding.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    pub accept: &'static str,
    pub coding: &'static str,
}

impl Ask {
    pub const TEXT: Self = Self { accept: "text/plain;version=0.0.4", coding: "identity" };
    pub const OPEN_METRICS: Self =
        Self { accept: "application/openmetrics-text;version=1.0.0", coding: "identity" };

    /// The same in another coding.
    pub const fn coded(self, coding: &'static str) -> Self {
        Self { coding, ..self }
    }
}

/// An address with a connection of its own.
pub struct Site {
    client: reqwest::Client,
    url: String,
}

impl Site {
    pub fn new(url: String) -> anyhow::Result<Self> {
        Ok(Self { client: bare()?, url })
    }

    /// The body of a 200, in the coding asked for.
    pub async fn get(&self, ask: Ask) -> anyhow::Result<Bytes> {
        let fields = [(ACCEPT, ask.accept), (ACCEPT_ENCODING, ask.coding)];
        let headers: HeaderMap =
            fields.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect();
        let response = self.client.get(&self.url).headers(headers).send().await?.error_for_status()?;
        let coding =
            response.headers().get(CONTENT_ENCODING).map_or("identity", |v| v.to_str().unwrap_or("?"));
        ensure!(coding == ask.coding, "{} answered in {coding} instead of {}", self.url, ask.coding);
        response.bytes().await.context("no whole body")
    }
}
