//! The simulated PBX behind the transport seam and behind a socket.

use super::*;

#[tokio::test(start_paused = true)]
async fn the_transport_waits_in_virtual_time_and_fails_when_told() {
    let limits = Limits { timeout: Duration::from_secs(10), body: 1000 };
    let pbx = Arc::new(pbx(V17));
    let transport = SimTransport::default().with(&origin(), Arc::clone(&pbx));
    let elsewhere = Url::parse("http://other.example.com").unwrap();
    let ask = async |origin: &Url, limits| {
        let target = target("pbx", origin, Grant::ClientCredentials, Called::Graphql.call());
        transport.exchange(&ClientSettings::default(), limits, platform::list_request(&target)).await
    };
    assert_eq!(ask(&origin(), limits).await.status.unwrap(), 500);
    assert_eq!(ask(&elsewhere, limits).await.result.unwrap_err().reason(), Reason::Dns);
    let small = Limits { body: 10, ..limits };
    assert_eq!(ask(&origin(), small).await.result.unwrap_err(), TransportError::TooLarge(10));

    pbx.set_fault(Some(Fault::Slow(Duration::from_secs(3))));
    assert_eq!(ask(&origin(), limits).await.duration.as_secs(), 3);
    pbx.set_fault(Some(Fault::Hang));
    let hung = ask(&origin(), limits).await;
    assert_eq!((hung.duration.as_secs(), hung.status), (10, None));
    assert_eq!(hung.result.unwrap_err().reason(), Reason::Timeout);

    let seen = pbx.requests(Operation::Extensions);
    transport.fail(&origin(), Some(TransportError::Connect("refused".into())));
    assert_eq!(ask(&origin(), limits).await.result.unwrap_err().reason(), Reason::Connect);
    assert_eq!(pbx.requests(Operation::Extensions), seen);
    pbx.set_fault(None);
    transport.fail(&origin(), None);
    assert!(ask(&origin(), limits).await.result.is_ok());
}

#[tokio::test]
async fn the_server_answers_over_a_socket_and_stops_while_it_hangs() {
    let server = SimServer::start(Arc::new(pbx(V16))).await.unwrap();
    let address = server.origin().socket_addrs(|| None).unwrap()[0];
    let request = b"GET /admin/api/api/extensions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let ask = async || {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(request).await.unwrap();
        stream
    };
    let read = async |mut stream: tokio::net::TcpStream| {
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    };
    let text = read(ask().await).await;
    assert!(
        text.starts_with("HTTP/1.1 403") && text.ends_with(r#"{"error":"ajaxRequest declined"}"#),
        "{text}"
    );

    server.pbx().set_fault(Some(Fault::Hang));
    let hanging = ask().await;
    while server.pbx().requests(Operation::Extensions) < 2 {
        tokio::task::yield_now().await;
    }
    let (text, ()) = tokio::join!(read(hanging), server.stop());
    assert!(text.starts_with("HTTP/1.1 403"), "{text}");
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
