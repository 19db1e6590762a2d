//! Somebody who confirms access on the page of a simulated PBX, without a browser.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use pbx_exporter::clock::Clock;
use pbx_exporter::control::Redirected;
use pbx_exporter::domain::{StorageSettings, Target};
use pbx_exporter::oauth::confirm::{Confirmation, Granted, Swapped, Unconfirmed};
use pbx_exporter::sim::{SimRequest, Simulated};
use pbx_exporter::store::Store;
use pbx_exporter::transport::Transport;
use url::Url;

/// What a person presses.
#[derive(Clone, Copy, Debug)]
pub enum Press {
    Allow,
    Deny,
}

/// Presses a button on the page at `location`; where the browser is sent then.
pub fn press(pbx: &dyn Simulated, location: &Url, button: Press) -> Url {
    let path_and_query = location[url::Position::BeforePath..].to_owned();
    let ask = |method: Method, body: &'static str| {
        let path_and_query = path_and_query.clone();
        let headers = HeaderMap::new();
        pbx.answer(&SimRequest { method, path_and_query, headers, body: Bytes::from_static(body.as_bytes()) })
    };
    let page = ask(Method::GET, "");
    assert_eq!(page.status, StatusCode::OK, "{location}");
    let answer = ask(
        Method::POST,
        match button {
            Press::Allow => "answer=allow",
            Press::Deny => "answer=deny",
        },
    );
    assert_eq!(answer.status, StatusCode::FOUND);
    let back = answer.headers["location"].to_str().expect("text");
    Url::parse(back).expect("an address")
}

/// A folder for tokens, made, since root's command does not make it.
pub fn settings(folder: &Path) -> StorageSettings {
    let path = folder.join("tokens");
    DirBuilder::new().recursive(true).mode(0o700).create(&path).expect("a folder");
    StorageSettings { path, key: None }
}

/// The whole way of the command `authorize`, without the command.
pub async fn confirm(
    pbx: &dyn Simulated,
    transport: &dyn Transport,
    target: &Target,
    store: &Arc<Store>,
    clock: Clock,
) -> Result<Granted, Unconfirmed> {
    let received = swap(pbx, transport, target, store, clock).await?.result?;
    Ok(received.hand_over().await?)
}

/// The same until the tokens have come.
pub async fn swap(
    pbx: &dyn Simulated,
    transport: &dyn Transport,
    target: &Target,
    store: &Arc<Store>,
    clock: Clock,
) -> Result<Swapped, Unconfirmed> {
    let redirect_uri = Url::parse("http://127.0.0.1:8765/callback").expect("an address");
    let confirmation = Confirmation::begin(Arc::new(target.clone()), redirect_uri).expect("an endpoint");
    let back = press(pbx, &confirmation.location, Press::Allow);
    let code = confirmation.accept(&Redirected::from_query(back.query().unwrap_or_default()))?;
    Ok(confirmation.swap(code, transport, store, clock, None).await)
}
