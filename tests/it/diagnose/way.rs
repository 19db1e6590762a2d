//! The way to a PBX over real sockets: what is seen of name resolution, TCP and TLS.

use std::time::Duration;

use pbx_exporter::domain::TransportError;
use pbx_exporter::domain::target::{ClientSettings, ProxySettings, TlsVersion};
use pbx_exporter::transport::{Dial, Event, HttpTransport};
use tokio_rustls::rustls::ALL_VERSIONS;
use url::Url;

use crate::support::raw::{Server, closed_port, ok};
use crate::support::tls::{Authority, GOOD_UNTIL, Identity};

const PATIENCE: Duration = Duration::from_secs(10);

async fn look(client: &ClientSettings, url: &str) -> (Vec<Event>, Result<(), TransportError>) {
    let (transport, url) = (HttpTransport::new(), Url::parse(url).expect("a URL"));
    let mut events = Vec::new();
    let result = transport.dial(client, &url, PATIENCE, &mut |event| events.push(event)).await;
    (events, result)
}

async fn serving(identity: &Identity) -> Server {
    Server::answering_tls(identity.server(ALL_VERSIONS), |_| ok("fine")).await
}

#[tokio::test]
async fn plain_http_ends_with_the_connection() {
    let server = Server::answering(|_| ok("{}")).await;
    let (events, result) = look(&ClientSettings::default(), &server.http("")).await;
    assert_eq!(result, Ok(()));
    let [Event::Resolved(addresses), Event::Connected(address)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(addresses[..], [*address]);
}

#[tokio::test]
async fn a_closed_port_is_refused_by_each_address() {
    let address = closed_port().await;
    let (events, result) = look(&ClientSettings::default(), &format!("http://{address}")).await;
    assert_eq!(result, Err(TransportError::Connect("connection refused".into())));
    assert!(
        matches!(&events[..], [Event::Resolved(_), Event::Refused(_, why)] if why == "connection refused")
    );
}

#[tokio::test]
async fn an_unknown_name_is_no_address() {
    let (events, result) = look(&ClientSettings::default(), "https://pbx.invalid").await;
    assert!(matches!(result, Err(TransportError::Dns(_))), "{result:?}");
    assert!(events.is_empty());
}

#[tokio::test]
async fn a_trusted_chain_is_shown_with_the_protocol() {
    let authority = Authority::new();
    let server = serving(&authority.good()).await;
    let client = ClientSettings { ca_file: Some(authority.ca_file()), ..ClientSettings::default() };
    let (events, result) = look(&client, &server.https("")).await;
    assert_eq!(result, Ok(()));
    let shown =
        events.iter().find_map(|event| if let Event::Shown(chain) = event { Some(chain) } else { None });
    assert_eq!(i64::try_from(shown.expect("a chain")[0].not_after), Ok(GOOD_UNTIL));
    assert!(matches!(events.last(), Some(Event::Secured(tls)) if tls.protocol == "TLS 1.3"), "{events:?}");
}

#[tokio::test]
async fn a_refused_chain_is_shown_all_the_same() {
    let (authority, other) = (Authority::new(), Authority::new());
    for (identity, ca, said) in [
        (authority.good(), other.ca_file(), "unknown authority"),
        (authority.issue("localhost", 2020), authority.ca_file(), "expired on 01 Jan 2020"),
        (authority.issue("pbx.example.com", 2100), authority.ca_file(), "not for localhost"),
    ] {
        let server = serving(&identity).await;
        let client =
            ClientSettings { ca_file: Some(ca), min_version: TlsVersion::Tls13, ..ClientSettings::default() };
        let (events, result) = look(&client, &server.https("")).await;
        assert!(
            matches!(&result, Err(TransportError::Tls(why)) if why.to_string().contains(said)),
            "{said}: {result:?}"
        );
        assert!(matches!(events.last(), Some(Event::Shown(_))), "{said}: {events:?}");
        assert!(server.requests().is_empty());
    }
}

#[tokio::test]
async fn behind_a_proxy_nothing_is_dialled() {
    let url = Url::parse("http://proxy.example.com:3128").expect("a URL");
    let settings = |no_proxy: Option<&str>| ClientSettings {
        proxy: Some(ProxySettings {
            url: url.clone(),
            credentials: None,
            no_proxy: no_proxy.map(str::to_owned),
        }),
        ..ClientSettings::default()
    };
    let (events, result) = look(&settings(None), "http://pbx.example.com").await;
    assert_eq!((events, result), (vec![Event::Proxied("http://proxy.example.com:3128".into())], Ok(())));
    let server = Server::answering(|_| ok("{}")).await;
    let (events, _) = look(&settings(Some("127.0.0.1")), &server.http("")).await;
    assert!(matches!(events.last(), Some(Event::Connected(_))), "{events:?}");
}

#[tokio::test]
async fn an_unusable_ca_file_is_told_before_anything_is_dialled() {
    let client = ClientSettings { ca_file: Some("/no/such/ca.pem".into()), ..ClientSettings::default() };
    let (events, result) = look(&client, "https://pbx.invalid").await;
    assert!(
        matches!(&result, Err(TransportError::Exporter(why)) if why.contains("/no/such/ca.pem")),
        "{result:?}"
    );
    assert!(events.is_empty());
}
