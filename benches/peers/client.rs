//! One keep-alive connection to a service, as a scraper has it; and the bare reqwest client.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

const TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes read at once.
const READ: usize = 256 * 1024;

/// A bare reqwest client.
pub fn bare() -> anyhow::Result<reqwest::Client> {
    // All is plain HTTP here; without this, reqwest would read the system's certificates.
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let client = reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy();
    Ok(client.timeout(TIMEOUT).build()?)
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

/// A path with a connection of its own: a blocking socket and large reads, so that nothing measured
/// waits for its reader longer than it must.
pub struct Site {
    reader: BufReader<Box<dyn Stream>>,
    path: String,
    /// A whole header field with its line end, or nothing.
    authorization: String,
}

/// TCP, or TLS on it.
trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// What a secured service wants of its clients.
#[derive(Clone)]
pub struct Access {
    pub tls: Arc<ClientConfig>,
    /// A user with a password.
    pub user: (&'static str, &'static str),
}

impl Access {
    /// A client that trusts this certificate.
    pub fn trusting(certificate: CertificateDer<'static>) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(certificate)?;
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { tls: Arc::new(tls), user: ("scraper", "made-up") })
    }

    fn field(&self) -> String {
        let (user, password) = self.user;
        format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("{user}:{password}")))
    }
}

impl Site {
    /// Connects to loopback.
    pub fn connect(port: u16, path: &str, access: Option<&Access>) -> anyhow::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        let stream: Box<dyn Stream> = match access {
            None => Box::new(stream),
            Some(access) => {
                let connection = ClientConnection::new(Arc::clone(&access.tls), "localhost".try_into()?)?;
                Box::new(StreamOwned::new(connection, stream))
            }
        };
        let authorization = access.map(Access::field).unwrap_or_default();
        Ok(Self { reader: BufReader::with_capacity(READ, stream), path: path.to_owned(), authorization })
    }

    /// The body of a 200, in the coding asked for.
    pub fn get(&mut self, ask: Ask) -> anyhow::Result<Vec<u8>> {
        let mut body = Vec::new();
        self.exchange(ask, |part| body.extend_from_slice(part))?;
        Ok(body)
    }

    /// The same, and the body is forgotten as it comes.
    pub fn drain(&mut self, ask: Ask) -> anyhow::Result<()> {
        self.exchange(ask, |_| ())
    }

    fn exchange(&mut self, ask: Ask, mut take: impl FnMut(&[u8])) -> anyhow::Result<()> {
        let (path, authorization, Ask { accept, coding }) = (&self.path, &self.authorization, ask);
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}Accept: {accept}\r\nAccept-Encoding: {coding}\r\n\r\n"
        );
        self.reader.get_mut().write_all(request.as_bytes())?;
        self.reader.get_mut().flush()?;
        let (mut length, mut coded) = (None, "identity".to_owned());
        let status = self.line()?;
        ensure!(status.contains(" 200 "), "{path} answered {status}", path = self.path);
        while let Some((name, value)) = self.line()?.split_once(": ") {
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = Some(value.parse()?),
                "content-encoding" => value.clone_into(&mut coded),
                _ => {}
            }
        }
        ensure!(coded == coding, "{} answered in {coded} instead of {coding}", self.path);
        if let Some(length) = length {
            return self.read(length, &mut take);
        }
        // Chunks (RFC 9112 section 7.1), the last one empty.
        loop {
            let size = usize::from_str_radix(&self.line()?, 16).context("not a chunk")?;
            self.read(size, &mut take)?;
            self.line()?;
            if size == 0 {
                return Ok(());
            }
        }
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        ensure!(self.reader.read_line(&mut line)? > 0, "{} hung up", self.path);
        line.truncate(line.trim_end().len());
        Ok(line)
    }

    fn read(&mut self, mut length: usize, take: &mut impl FnMut(&[u8])) -> anyhow::Result<()> {
        while length > 0 {
            let part = self.reader.fill_buf()?;
            ensure!(!part.is_empty(), "{} hung up", self.path);
            let part = &part[..part.len().min(length)];
            take(part);
            let read = part.len();
            self.reader.consume(read);
            length -= read;
        }
        Ok(())
    }
}
