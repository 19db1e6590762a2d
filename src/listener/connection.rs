//! One connection: its bytes and answers are watched, HTTP is hyper's.

use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::{Service as HyperService, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio_rustls::TlsAcceptor;
use tokio_util::either::Either;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connections::{Answering, Place, Watch};
use super::gate::{Gate, Visitor};
use super::socket::Peer;

/// Of a request's head, and of what is gathered before it is sent: the chunks of a scrape are larger than that.
const BUFFER: usize = 64 * 1024;
/// The same of HTTP/2, where hyper gathers little.
const HEADERS: u32 = 32 * 1024;
/// Requests at once on one connection of HTTP/2.
const STREAMS: u32 = 32;

/// A stream of either kind.
pub(super) type Stream = Either<TcpStream, UnixStream>;

/// Serves one connection to its end.
pub(super) async fn serve(
    stream: Stream,
    peer: Peer,
    place: Place,
    gate: Arc<Gate>,
    stop: CancellationToken,
) {
    let watch = Arc::clone(&place.watch);
    let stream = Watched { stream, watch: Arc::clone(&watch) };
    let Some(now) = gate.tls() else {
        return Http { watch, visitor: Visitor { peer, verified: false }, gate, stop }.one(stream).await;
    };
    let Some(tls) = &now.tls else { return };
    let shaken = tokio::select! {
        // Whoever cannot agree on TLS has been told by rustls.
        shaken = TlsAcceptor::from(Arc::clone(&tls.config)).accept(stream) => shaken,
        () = watch.close.cancelled() => return,
        () = stop.cancelled() => return,
    };
    let stream = match shaken {
        Ok(stream) => stream,
        Err(error) => return tracing::debug!(%error, "no TLS with a client"),
    };
    let session = stream.get_ref().1;
    let verified = tls.verifies && session.peer_certificates().is_some();
    let http2 = session.alpn_protocol() == Some(b"h2");
    let http = Http { watch, visitor: Visitor { peer, verified }, gate, stop };
    if http2 { http.many(stream).await } else { http.one(stream).await }
}

/// HTTP on one connection.
struct Http {
    watch: Arc<Watch>,
    visitor: Visitor,
    gate: Arc<Gate>,
    stop: CancellationToken,
}

impl Http {
    /// HTTP/1: one request after the other.
    async fn one<T: AsyncRead + AsyncWrite + Unpin>(self, stream: T) {
        let connection = http1::Builder::new().max_buf_size(BUFFER).serve_connection(
            TokioIo::new(stream),
            service(self.gate, Arc::clone(&self.watch), self.visitor),
        );
        let mut connection = pin!(connection);
        tokio::select! {
            // Whoever breaks HTTP has been told by hyper, and a connection that ends is no event.
            _ = connection.as_mut() => return,
            () = self.watch.close.cancelled() => return,
            () = self.stop.cancelled() => {
                if self.watch.is_idle() {
                    return;
                }
                connection.as_mut().graceful_shutdown();
            }
        }
        tokio::select! {
            _ = connection => {}
            () = self.watch.close.cancelled() => {}
        }
    }

    /// HTTP/2: some at once.
    async fn many<T: AsyncRead + AsyncWrite + Unpin>(self, stream: T) {
        self.watch.multiplexed();
        let tasks = TaskTracker::new();
        let connection = http2::Builder::new(Spawner(tasks.clone()))
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(HEADERS)
            .serve_connection(
                TokioIo::new(stream),
                service(self.gate, Arc::clone(&self.watch), self.visitor),
            );
        let mut connection = pin!(connection);
        tokio::select! {
            _ = connection.as_mut() => return,
            () = self.watch.close.cancelled() => return,
            () = self.stop.cancelled() => {
                if self.watch.is_idle() {
                    return;
                }
                connection.as_mut().graceful_shutdown();
            }
        }
        tokio::select! {
            _ = connection => {}
            () = self.watch.close.cancelled() => {}
        }
    }
}

fn service(
    gate: Arc<Gate>,
    watch: Arc<Watch>,
    visitor: Visitor,
) -> impl HyperService<
    Request<Incoming>,
    Response = Response<Answer>,
    Error = Infallible,
    Future = impl Future<Output = Result<Response<Answer>, Infallible>> + Send + 'static,
> {
    service_fn(move |request| {
        let (gate, answering) = (Arc::clone(&gate), watch.begin());
        async move { Ok(gate.answer(request, visitor, answering).await) }
    })
}

/// Lets hyper spawn what it needs for HTTP/2; all of it ends with its connection.
#[derive(Clone)]
struct Spawner(TaskTracker);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Spawner {
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}

/// A stream that notes when bytes come, and when none can go.
struct Watched<T> {
    stream: T,
    watch: Arc<Watch>,
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = ready!(Pin::new(&mut self.stream).poll_read(cx, buf));
        if buf.filled().len() > before {
            self.watch.received();
        }
        Poll::Ready(result)
    }
}

impl<T: AsyncWrite + Unpin> Watched<T> {
    fn noted<R>(&self, result: Poll<R>) -> Poll<R> {
        self.watch.wrote(result.is_ready());
        result
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.noted(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.noted(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// An answer's body. While it is there, the request counts, and each time more of it is asked for is progress.
pub(super) struct Answer {
    pub body: Body,
    pub answering: Answering,
    /// Its place among the requests at once, for as long as it lasts.
    pub _permit: Option<OwnedSemaphorePermit>,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.answering.progress();
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
