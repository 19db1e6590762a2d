//! A PBX that answers at once: tokens and lists of FreePBX's size and shape, on every address of
//! 127.0.0.0/8, so that each target can have an origin of its own.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Path of the protected resource.
pub const LIST_PATH: &str = "/admin/api/api/gql";
const LISTING: &str = r#"{"data":{"fetchAllExtensions":{"status":true,"message":"Extension's found successfully","totalCount":25}}}"#;

/// The server; it ends with this value.
pub struct FakePbx {
    port: u16,
    listed: Arc<AtomicU64>,
    _server: JoinSet<()>,
}

impl FakePbx {
    /// Listens and answers.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
        let port = listener.local_addr()?.port();
        let listed = Arc::new(AtomicU64::new(0));
        let counter = listed.clone();
        let list = async move || {
            counter.fetch_add(1, Ordering::Relaxed);
            ([(CONTENT_TYPE, "application/json")], LISTING).into_response()
        };
        let answer = token_answer();
        let token = async move || ([(CONTENT_TYPE, "application/json")], answer.clone()).into_response();
        let router = Router::new().route(LIST_PATH, post(list)).route("/admin/api/api/token", post(token));
        let mut server = JoinSet::new();
        server.spawn(async move {
            axum::serve(listener, router).await.expect("a listener that stays");
        });
        Ok(Self { port, listed, _server: server })
    }

    /// How many lists were given.
    pub fn listed(&self) -> u64 {
        self.listed.load(Ordering::Relaxed)
    }

    /// The origin of target `n`.
    pub fn origin(&self, n: usize) -> String {
        format!("http://{}:{}", Ipv4Addr::from_bits(0x7f01_0000 + u32::try_from(n).unwrap_or(0)), self.port)
    }

    /// A configuration with so many targets, each its own origin and credentials.
    pub fn configuration(&self, targets: usize, interval: &str) -> String {
        let mut text = format!("defaults: {{interval: {interval}, failure_interval: 1s}}\ntargets:\n");
        for n in 0..targets {
            let (origin, id) = (self.origin(n), format!("{n:08x}").repeat(8));
            let secret = &id[..32];
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "  - {{name: pbx-{n:05}.example.com, url: \"{origin}\", auth: {{client_id: \"{id}\", client_secret: \"{secret}\"}}}}"
            );
        }
        text
    }
}

/// As FreePBX answers, the JWT at its usual length.
pub fn token() -> String {
    let claims = serde_json::json!({
        "aud": "a".repeat(64), "jti": "b".repeat(80), "iat": 1_795_290_298.412_29, "nbf": 1_795_290_298.412_29,
        "exp": 1_795_293_898.412_29, "sub": "", "scopes": ["gql:core:read"],
    });
    let parts =
        [br#"{"typ":"JWT","alg":"RS256"}"#.to_vec(), claims.to_string().into_bytes(), vec![0x5a; 256]];
    parts.map(|part| URL_SAFE_NO_PAD.encode(part)).join(".")
}

fn token_answer() -> String {
    serde_json::json!({ "token_type": "Bearer", "expires_in": 3600, "access_token": token() }).to_string()
}
