//! The extensions one by one, out of every form of an answer that is a list.

use super::*;
use crate::domain::platform::{CallForm, RequestForm};

/// `id/tech/name` of each.
fn listed(call: Call, body: &str) -> Result<Option<String>, Reason> {
    let target = pbx(Grant::ClientCredentials, call);
    let page =
        read_extensions(&context(&target, Operation::Extensions, true), &answer(200, body.to_owned()), None);
    let page = page.map_err(|failure| failure.reason())?;
    assert_eq!(page.next, None, "FreePBX gives all at once");
    let text = |e: &crate::domain::Extension| {
        [&*e.id, e.tech.as_deref().unwrap_or_default(), e.name.as_deref().unwrap_or_default()].join("/")
    };
    Ok(page.extensions.ok().map(|extensions| extensions.iter().map(text).collect::<Vec<_>>().join(" ")))
}

fn own(list: Option<&str>, id: Option<&str>) -> Call {
    let request = RequestForm { path: "/accounts".into(), ..RequestForm::default() };
    let (list, id) = (list.map(str::to_owned), id.map(str::to_owned));
    Call::Custom(Box::new(CallForm { request, list, id, ..CallForm::default() }))
}

fn graphql(extensions: &str, total: &str) -> String {
    format!(
        r#"{{"data":{{"fetchAllExtensions":{{"status":true,"message":"x","totalCount":{total},"extension":{extensions}}}}}}}"#
    )
}

#[test]
fn every_form_of_a_list_as_a_table() {
    let two = graphql(r#"[{"extensionId":"2000","tech":"pjsip"},{"extensionId":2001,"tech":null}]"#, "2");
    let secret =
        graphql(r#"[{"extensionId":"0200","user":{"extPassword":"made-up"},"name":"A\u001b[2J"}]"#, "1");
    let rest =
        r#"{"2000":{"extension":"2000","name":"Reception","voicemail":"novm"},"01":{"extension":"01"}}"#;
    let items = r#"{"data":{"items":[{"number":"2000","name":"x"},{"number":2001}]}}"#;
    for (call, body, expected) in [
        (Call::known("graphql"), two.as_str(), Some("2000/pjsip/ 2001//")),
        (Call::known("graphql"), &secret, Some("0200//A[2J")),
        (Call::known("graphql"), &graphql("[]", "0"), Some("")),
        (Call::known("graphql"), &graphql("null", "0"), Some("")),
        (Call::known("graphql"), &graphql("[null]", "1"), None),
        (Call::known("graphql"), &graphql(r#"[{"tech":"pjsip"}]"#, "1"), None),
        (Call::known("graphql"), &graphql(r#"[{"extensionId":"two words"}]"#, "1"), None),
        (Call::known("graphql"), r#"{"data":{"fetchAllExtensions":{"status":true,"totalCount":3}}}"#, None),
        (Call::known("rest"), rest, Some("2000//Reception 01//")),
        (Call::known("rest"), "[]", Some("")),
        (Call::known("rest"), r#"[{"extension":"0","name":"Operator"}]"#, Some("0//Operator")),
        (Call::known("rest"), r#"{"2000":{"extension":null}}"#, None),
        (own(Some("/data/items"), Some("/number")), items, Some("2000//x 2001//")),
        (own(Some("/data/items"), None), items, None),
        (own(Some(""), None), r#"["2000", 2001]"#, Some("2000// 2001//")),
        (own(Some(""), None), r#"{"2000":{"name":"x"},"2001":true}"#, Some("2000//x 2001//")),
        (own(Some(""), Some("/id")), r#"{"a":{"id":7}}"#, Some("7//")),
        (own(None, None), "[]", None),
    ] {
        assert_eq!(
            listed(call.clone(), body).map(|told| told.as_deref().map(str::to_owned)),
            Ok(expected.map(str::to_owned)),
            "{call:?} {body}"
        );
    }
}

#[test]
fn a_list_of_ones_own_counts_its_extensions() {
    for (total, list, expected) in [
        (None, "/items", Ok(Some(2))),
        (Some("/count"), "/items", Ok(Some(5))),
        (None, "/other", Err(Reason::UnexpectedResponse)),
    ] {
        let Call::Custom(mut call) = own(Some(list), None) else { unreachable!() };
        call.total = total.map(str::to_owned);
        let target = pbx(Grant::ClientCredentials, Call::Custom(call));
        let answer = answer(200, r#"{"count":5,"items":["2000","2001"]}"#);
        let page = read_extensions(&context(&target, Operation::Extensions, true), &answer, None);
        assert_eq!(page.map(|page| page.total).map_err(|failure| failure.reason()), expected);
    }
}

#[test]
fn it_fails_just_where_the_list_does() {
    for fixture in fixtures::all().filter(|fixture| fixture.operation == Operation::Extensions) {
        let target = target_of(fixture);
        let context = context(&target, Operation::Extensions, fixture.fresh);
        let (list, page) =
            (read_list(&context, &fixture.answer()), read_extensions(&context, &fixture.answer(), None));
        assert_eq!(list.map(|list| list.total), page.map(|page| page.total), "{}", fixture.name);
    }
}

#[test]
fn the_query_asks_for_ids_and_nothing_that_is_secret() {
    let target = pbx(Grant::ClientCredentials, Call::known("graphql"));
    let body = extensions_request(&target, None).body;
    let body = String::from_utf8_lossy(&body);
    assert!(
        body.contains("totalCount extension { extensionId tech }") && body.contains("\"query { "),
        "{body}"
    );
    assert!(!body.to_lowercase().contains("password") && !body.contains("user") && !body.contains("first"));
    for call in [Call::known("rest"), own(Some("/a"), None)] {
        let target = pbx(Grant::ClientCredentials, call);
        let (list, named) = (list_request(&target), extensions_request(&target, None));
        assert_eq!((list.method, list.url, list.body), (named.method, named.url, named.body));
    }
}
