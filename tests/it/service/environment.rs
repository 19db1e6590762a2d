//! The route without a file: a portal's own variables.

use pbx_exporter::domain::Grant;
use pbx_exporter::sim::target::{MACHINE_ID, NATIVE_ID, PASSWORD, SECRET, USER};
use pbx_exporter::sim::{Generation, SimServer};

use super::{of, pbx};
use crate::support::process::{Program, Service};

async fn start(url: &str, variables: &[(&str, &str)]) -> Service {
    let mut program = Program::new(&["--web.listen-address=127.0.0.1:0"]).env("FREEPBX_API_URL", url);
    for (name, value) in variables {
        program = program.env(&format!("FREEPBX_API_{name}"), value);
    }
    program.env("FREEPBX_API_CLIENT_SECRET", SECRET).serve().await
}

fn requests(server: &SimServer, grant: Grant) -> u64 {
    server.pbx().token_requests_by_grant(grant)
}

#[tokio::test]
async fn a_user_name_makes_it_the_password_grant_whatever_address_of_the_api_is_given() {
    for path in
        ["", "/", "/admin/api/api", "/admin/api/api/token", "/admin/api/api/gql", "/admin/api/api/rest"]
    {
        let server = pbx(Generation::V16).await;
        let url = format!("{}{path}", server.origin().as_str().trim_end_matches('/'));
        let variables = [("USERNAME", USER), ("PASSWORD", PASSWORD), ("CLIENT_ID", NATIVE_ID)];
        let service = start(&url, &variables).await;
        service.until(&of("pbx_up", "freepbx"), 1.0).await;
        let info = "pbx_target_info{target=\"freepbx\",platform=\"freepbx\",grant=\"password\"}";
        assert_eq!(service.value(info).await, Some(1.0));
        assert_eq!((requests(&server, Grant::Password), requests(&server, Grant::ClientCredentials)), (1, 0));
        let log = service.stderr();
        assert_eq!(path.len() > 1, log.contains("cut down to the origin"), "{path}: {log}");
    }
}

#[tokio::test]
async fn without_a_user_name_it_is_client_credentials() {
    let server = pbx(Generation::V17).await;
    let service = start(server.origin().as_str(), &[("CLIENT_ID", MACHINE_ID)]).await;
    service.until(&of("pbx_up", "freepbx"), 1.0).await;
    assert_eq!(requests(&server, Grant::ClientCredentials), 1);
}

#[tokio::test]
async fn the_grant_can_be_overridden_and_a_wrong_one_is_explained() {
    let server = pbx(Generation::V16).await;
    let variables = [
        ("USERNAME", USER),
        ("PASSWORD", PASSWORD),
        ("CLIENT_ID", NATIVE_ID),
        ("GRANT", "client_credentials"),
    ];
    let service = start(server.origin().as_str(), &variables).await;
    service.until(&of("pbx_up", "freepbx"), 0.0).await;
    assert_eq!((requests(&server, Grant::ClientCredentials), requests(&server, Grant::Password)), (1, 0));
    let reply = service.post("/-/probe?target=freepbx").await;
    assert!(reply.body.contains("invalid_client") && reply.body.contains("one grant only"), "{}", reply.body);
}
