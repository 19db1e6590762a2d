//! A client that others wrote (pyfreepbx, from PyPI) sees of the simulated FreePBX what it sees of the real module.

use std::sync::Arc;

use pbx_exporter::clock::Clock;
use pbx_exporter::sim::target::{MACHINE_ID, SECRET};
use pbx_exporter::sim::{Generation, SimPbx, SimServer};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::http;
use crate::support::kept::kept;

async fn token(authority: &str) -> String {
    let form = format!("grant_type=client_credentials&client_id={MACHINE_ID}&client_secret={SECRET}");
    let kind = "application/x-www-form-urlencoded";
    let reply = http::send_body(authority, "POST", "/admin/api/api/token", &[], kind, &form).await;
    let body: Value = serde_json::from_str(&reply.expect("an answer").body).expect("JSON");
    body["access_token"].as_str().expect("a token").to_owned()
}

/// Each question of `look.py` with what it saw.
async fn look(generation: Generation) -> Vec<(String, Value)> {
    let server = SimServer::start(Arc::new(SimPbx::new(generation, Clock::System))).await.expect("a port");
    let port = server.origin().port().expect("a port");
    let token = token(&format!("127.0.0.1:{port}")).await;
    let looking = Command::new("python3")
        .args(["-B", "tests/pyfreepbx/look.py", &port.to_string(), &token])
        .env("PYTHONPATH", kept("pyfreepbx"))
        .kill_on_drop(true)
        .output();
    let said = looking.await.expect("python3, which ./run-tests installs");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let text = String::from_utf8(said.stdout).expect("text");
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// What the real module answers: 16 passes on only that a query failed, 17 why.
fn real(generation: Generation) -> Vec<(&'static str, Value)> {
    let old = generation == Generation::V16;
    let refused = |words: &str| if old { json!("HTTP 400") } else { json!(format!("GraphQLError: {words}")) };
    let unknown = |field: &str, kind: &str, meant: &str| {
        refused(&format!("Cannot query field \"{field}\" on type \"{kind}\".{meant}"))
    };
    let success = json!([200, "application/json"]);
    vec![
        ("health", json!("ok")),
        ("list", unknown("extensions", "ExtensionConnection", " Did you mean \"extension\"?")),
        ("get", unknown("extension", "extension", " Did you mean \"extensionId\"?")),
        ("queues", unknown("fetchAllQueues", "Query", "")),
        ("unknown field", unknown("extensions", "Query", " Did you mean \"fetchAllExtensions\"?")),
        ("first and alias", json!({"all": {"totalCount": 3, "extension": [{"extensionId": "2000"}]}})),
        ("one", json!({"fetchExtension": {"extensionId": "2001", "user": {"voicemail": "novm"}}})),
        ("none", json!("HTTP 400")),
        ("valid ones", json!({"fetchAllValidExtensions": {"count": 3}})),
        ("syntax", refused("Syntax Error: Expected Name, found <EOF>")),
        ("schema", json!(13)),
        ("mutation", json!("HTTP 400")),
        ("success", success.clone()),
        ("form", success),
        ("options", if old { json!([200, "text/plain"]) } else { json!([500, "application/json"]) }),
        ("web interface", json!([403, "text/json;charset=UTF-8"])),
        (
            "bad token",
            json!(if old {
                "AuthenticationError: GraphQL authentication failed: HTTP 401"
            } else {
                "HTTP 500"
            }),
        ),
    ]
}

#[tokio::test]
#[ignore = "needs Python with pyfreepbx"]
async fn pyfreepbx_sees_what_it_sees_of_the_real_module() {
    for generation in Generation::ALL {
        let expected = real(generation).into_iter().map(|(name, seen)| (name.to_owned(), seen));
        assert_eq!(look(generation).await, expected.collect::<Vec<_>>(), "{generation:?}");
    }
}
