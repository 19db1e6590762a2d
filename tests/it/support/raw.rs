//! Loopback TCP servers for what no HTTP library would do.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

/// A server that counts connections and keeps the requests it was sent. Lives as long as the runtime.
#[derive(Clone)]
pub struct Server {
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Runs `script` for each connection accepted.
    pub async fn scripted<F, Fut>(script: F) -> Self
    where
        F: Fn(Self, TcpStream) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
        let address = listener.local_addr().expect("bound");
        let server = Self { address, connections: Arc::default(), requests: Arc::default() };
        let this = server.clone();
        TaskTracker::new().spawn(async move {
            let tasks = TaskTracker::new();
            while let Ok((stream, _)) = listener.accept().await {
                this.connections.fetch_add(1, Ordering::SeqCst);
                tasks.spawn(script(this.clone(), stream));
            }
        });
        server
    }

    /// Answers each request with what `answer` makes of it; the connection is kept.
    pub async fn answering(answer: impl Fn(&str) -> String + Clone + Send + Sync + 'static) -> Self {
        Self::scripted(move |server, stream| {
            let answer = answer.clone();
            async move { server.converse(stream, &answer).await }
        })
        .await
    }

    /// The same behind TLS.
    pub async fn answering_tls(
        config: tokio_rustls::rustls::ServerConfig,
        answer: impl Fn(&str) -> String + Clone + Send + Sync + 'static,
    ) -> Self {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Self::scripted(move |server, stream| {
            let (answer, acceptor) = (answer.clone(), acceptor.clone());
            async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    server.converse(stream, &answer).await;
                }
            }
        })
        .await
    }

    /// TLS for what listens without it there.
    pub async fn in_front_of(config: tokio_rustls::rustls::ServerConfig, origin: String) -> Self {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Self::scripted(move |_, stream| {
            let (acceptor, origin) = (acceptor.clone(), origin.clone());
            async move {
                let (tls, plain) = tokio::join!(acceptor.accept(stream), TcpStream::connect(origin));
                if let (Ok(mut tls), Ok(mut plain)) = (tls, plain) {
                    // Either side may have gone away, which the other then sees.
                    let _ = copy_bidirectional(&mut tls, &mut plain).await;
                }
            }
        })
        .await
    }

    /// Reads one request and then writes `bytes` and closes.
    pub async fn saying(bytes: &'static str) -> Self {
        Self::scripted(move |server, mut stream| async move {
            server.request(&mut stream).await;
            let _ = stream.write_all(bytes.as_bytes()).await;
        })
        .await
    }

    /// Reads one request and then writes `bytes` and nothing more, the connection left open.
    pub async fn hanging_after(bytes: &'static str) -> Self {
        Self::scripted(move |server, mut stream| async move {
            server.request(&mut stream).await;
            let _ = stream.write_all(bytes.as_bytes()).await;
            let _ = stream.read(&mut [0]).await;
        })
        .await
    }

    async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut stream: S,
        answer: &impl Fn(&str) -> String,
    ) {
        while let Some(request) = self.request(&mut stream).await {
            if stream.write_all(answer(&request).as_bytes()).await.is_err() {
                return;
            }
            if request.contains("connection: close") {
                break;
            }
        }
        let _ = stream.shutdown().await;
    }

    /// The next request, head and body; `None` at the end.
    pub async fn request<S: AsyncRead + Unpin>(&self, stream: &mut S) -> Option<String> {
        let mut bytes = Vec::new();
        while !is_whole(&bytes) {
            if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                return None;
            }
        }
        let request = String::from_utf8(bytes).expect("requests are text");
        self.requests.lock().expect("unpoisoned").push(request.clone());
        Some(request)
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("unpoisoned").clone()
    }

    /// `http://127.0.0.1:PORT` and `path`.
    pub fn http(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// `https://localhost:PORT` and `path`.
    pub fn https(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }
}

fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().expect("a number"))
}

/// A 200 with this body.
pub fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// A redirect without body.
pub fn redirect(status: u16, location: &str) -> String {
    format!("HTTP/1.1 {status} Elsewhere\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n")
}

/// A port on which nothing listens.
pub async fn closed_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.expect("a loopback port").local_addr().expect("bound")
}
