//! A simulated PBX on a loopback port. The only place of the simulator that knows axum.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use url::Url;

use super::pbx::{SimPbx, SimRequest, Simulated};

const LARGEST_BODY: usize = 1 << 20;

/// One simulated PBX that listens. Dropping it stops it too, without waiting.
#[derive(Debug)]
pub struct SimServer<P = SimPbx> {
    origin: Url,
    pbx: Arc<P>,
    tasks: TaskTracker,
    stop: DropGuard,
}

#[derive(Clone)]
struct Shared {
    pbx: Arc<dyn Simulated>,
    stop: CancellationToken,
}

impl<P: Simulated> SimServer<P> {
    /// Binds a free port of 127.0.0.1 and serves.
    pub async fn start(pbx: Arc<P>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let origin = format!("http://{}", listener.local_addr()?);
        let origin = Url::parse(&origin).map_err(io::Error::other)?;
        let stop = CancellationToken::new();
        let shared = Shared { pbx: pbx.clone(), stop: stop.clone() };
        let router = Router::new().fallback(answer).with_state(shared);
        let tasks = TaskTracker::new();
        let stopped = stop.clone().cancelled_owned();
        tasks.spawn(async move { axum::serve(listener, router).with_graceful_shutdown(stopped).await });
        tasks.close();
        Ok(Self { origin, pbx, tasks, stop: stop.drop_guard() })
    }

    pub fn origin(&self) -> &Url {
        &self.origin
    }

    pub fn pbx(&self) -> &Arc<P> {
        &self.pbx
    }

    /// Stops and waits until the last connection is closed. Answers still late come at once.
    pub async fn stop(self) {
        drop(self.stop);
        self.tasks.wait().await;
    }
}

async fn answer(State(shared): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, LARGEST_BODY).await.unwrap_or_default();
    let path_and_query = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let request = SimRequest { method: parts.method, path_and_query, headers: parts.headers, body };
    let faults = shared.pbx.faults();
    let answer = shared.pbx.answer(&request);
    if let Some(delay) = answer.delay {
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            () = shared.stop.cancelled() => {}
            () = changed(faults) => {}
        }
    }
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response
}

async fn changed(faults: Option<watch::Receiver<()>>) {
    match faults {
        Some(mut faults) => drop(faults.changed().await),
        None => std::future::pending().await,
    }
}
