//! What a client that others wrote would see: as the real module answers (release 16 and 17, core and api of the same).

use serde_json::json;

use super::*;

fn ask(pbx: &SimPbx, method: Method, path: &str, headers: &[(&'static str, &str)], body: &str) -> Answer {
    let fields =
        headers.iter().map(|&(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()));
    let (headers, body) = (fields.collect(), body.to_owned().into());
    plain(pbx.answer(&SimRequest { method, path_and_query: path.to_owned(), headers, body }))
}

fn authorized(pbx: &SimPbx, scope: &str) -> String {
    format!("Bearer {}", token(&machine(pbx, scope)))
}

fn query(pbx: &SimPbx, authorization: &str, query: &str) -> (u16, String, Value) {
    let headers = [("authorization", authorization), ("content-type", "application/json")];
    let body = json!({"query": query, "variables": {"id": "2001"}}).to_string();
    let answer = ask(pbx, Method::POST, "/admin/api/api/gql", &headers, &body);
    let kind = answer.headers[CONTENT_TYPE].to_str().unwrap().to_owned();
    (answer.status.as_u16(), kind, serde_json::from_slice(&answer.body).unwrap())
}

#[test]
fn graphql_gives_what_was_selected() {
    let item = |id: &str| json!({"extensionId": id});
    for (asked, data) in [
        ("{ __typename }", json!({"__typename": "Query"})),
        (
            "query Any { fetchAllExtensions(first: 1) { totalCount } } # a comment",
            json!({"fetchAllExtensions": {"totalCount": 3}}),
        ),
        (
            "{ fetchAllExtensions(first: 1) { status all: totalCount extension { extensionId } } }",
            json!({"fetchAllExtensions": {"status": true, "all": 3, "extension": [item("2000")]}}),
        ),
        (
            "{ page: fetchAllExtensions(after: \"YXJyYXljb25uZWN0aW9uOjA=\", last: 1) { extension { extensionId } } }",
            json!({"page": {"extension": [item("2002")]}}),
        ),
        (
            "{ fetchAllValidExtensions { count message ... on ExtensionConnection { status } } }",
            json!({"fetchAllValidExtensions": {"count": 3, "message": "Valid core extensions", "status": true}}),
        ),
        (
            "query One($id: ID) { fetchExtension(extensionId: $id) { extensionId tech user { name extPassword } } }",
            json!({"fetchExtension": {"extensionId": "2001", "tech": "pjsip", "user": {"name": "Phone", "extPassword": null}}}),
        ),
        ("{ fetchExtension(extensionId: 2000) { status } }", json!({"fetchExtension": {"status": true}})),
        (
            "{ allCoreUsers { totalCount coreUser { extension } } }",
            json!({"allCoreUsers": {
            "totalCount": 3, "coreUser": [{"extension": "2000"}, {"extension": "2001"}, {"extension": "2002"}]}}),
        ),
        (
            "{ fetchCoreDevice(device_id: \"2000\") { dial } }",
            json!({"fetchCoreDevice": {"dial": "PJSIP/2000"}}),
        ),
    ] {
        for generation in Generation::ALL {
            let pbx = pbx(generation);
            let seen = query(&pbx, &authorized(&pbx, ""), asked);
            assert_eq!(
                seen,
                (200, "application/json".to_owned(), json!({"data": data})),
                "{asked} {generation:?}"
            );
        }
    }
}

#[test]
fn graphql_says_what_is_wrong_with_a_query() {
    for (asked, message, line, column) in [
        (
            "{ extensions { id } }",
            "Cannot query field \"extensions\" on type \"Query\". Did you mean \"fetchAllExtensions\"?",
            1,
            3,
        ),
        (
            "{\n  fetchAllExtensions { extensions { id } } }",
            "Cannot query field \"extensions\" on type \"ExtensionConnection\". Did you mean \"extension\"?",
            2,
            24,
        ),
        ("{ somethingElse }", "Cannot query field \"somethingElse\" on type \"Query\".", 1, 3),
        ("{ fetchAllExtensions { status", "Syntax Error: Expected Name, found <EOF>", 1, 30),
        ("{ fetchAllExtensions(first 1) { status } }", "Syntax Error: Expected :, found Int \"1\"", 1, 28),
        ("nothing", "Syntax Error: Unexpected Name \"nothing\"", 1, 1),
        ("{ __typename } more", "Syntax Error: Unexpected Name \"more\"", 1, 16),
        (
            "{ fetchAllExtensions { totalCount { x } } }",
            "Field \"totalCount\" must not have a selection since type \"Int\" has no subfields.",
            1,
            24,
        ),
        (
            "{ fetchAllExtensions }",
            "Field \"fetchAllExtensions\" of type \"ExtensionConnection\" must have a selection of \
            subfields. Did you mean \"fetchAllExtensions { ... }\"?",
            1,
            3,
        ),
        ("mutation { reboot }", "Cannot query field \"reboot\" on type \"Mutation\".", 1, 12),
    ] {
        for generation in Generation::ALL {
            let pbx = pbx(generation);
            let seen = query(&pbx, &authorized(&pbx, ""), asked);
            let expected = if generation == V16 {
                (
                    400,
                    "application/json".to_owned(),
                    json!({"errors": [{"message": message, "status": false}]}),
                )
            } else {
                let error = json!({"message": message, "locations": [{"line": line, "column": column}]});
                (200, "text/html; charset=UTF-8".to_owned(), json!({"errors": [error]}))
            };
            assert_eq!(seen, expected, "{asked} {generation:?}");
        }
    }
}

#[test]
fn a_first_field_whose_status_is_false_is_an_error_to_every_generation() {
    for generation in Generation::ALL {
        let pbx = pbx(generation);
        let good = authorized(&pbx, "");
        let seen = query(&pbx, &good, "{ fetchExtension(extensionId: 9) { status message } }");
        let error = json!({"message": "Extension does not exists", "status": false});
        assert_eq!(seen, (400, "application/json".to_owned(), json!({"errors": [error]})), "{generation:?}");
        // The module looks at no second one, and only at what was selected.
        let second = "{ __typename fetchExtension(extensionId: 9) { status } }";
        assert_eq!(query(&pbx, &good, second).2["data"]["fetchExtension"], json!({"status": false}));
        assert_eq!(query(&pbx, &good, "{ fetchExtension(extensionId: 9) { tech } }").0, 200);
    }
}

#[test]
fn mutations_need_their_scope_and_change_the_list() {
    let delete = "mutation { deleteExtension(input: {extensionId: \"2000\"}) { status message } }";
    let add = "mutation { addExtension(input: {extensionId: 2000, name: \"x\", email: \"x@example.com\"}) { status } }";
    for generation in Generation::ALL {
        let pbx = pbx(generation);
        let (reader, writer) = (authorized(&pbx, "gql:core:read"), authorized(&pbx, "gql:core:write"));
        let refused = query(&pbx, &reader, delete).2;
        assert_eq!(refused["errors"][0]["message"], "Schema is not configured for mutations.");
        let done = json!({"status": true, "message": "Extension has been deleted"});
        assert_eq!(query(&pbx, &writer, delete).2["data"]["deleteExtension"], done);
        assert_eq!(query(&pbx, &writer, delete).0, 400, "it is gone");
        let total = || {
            query(&pbx, &reader, "{ fetchAllExtensions { totalCount } }").2["data"]["fetchAllExtensions"]["totalCount"].clone()
        };
        assert_eq!(total(), 2);
        assert_eq!(query(&pbx, &writer, add).0, 200);
        assert_eq!((query(&pbx, &writer, add).0, total()), (400, json!(3)));
    }
}

#[test]
fn the_schema_has_the_queries_that_a_token_may_make() {
    let pbx = pbx(V17);
    for (scope, count) in [("", 13), ("gql:core:read", 12), ("gql:framework", 2), ("rest", 1)] {
        let seen = query(&pbx, &authorized(&pbx, scope), "{ __schema { queryType { fields { name } } } }").2;
        assert_eq!(
            seen["data"]["__schema"]["queryType"]["fields"].as_array().unwrap().len(),
            count,
            "{scope}"
        );
    }
}

#[test]
fn relays_own_fields_fail() {
    for generation in Generation::ALL {
        let pbx = pbx(generation);
        let seen =
            query(&pbx, &authorized(&pbx, ""), "{ fetchAllExtensions { pageInfo { hasNextPage } } }").2;
        assert_eq!(seen["errors"][0]["message"], "Internal server error", "{generation:?}");
    }
}

#[test]
fn a_form_asks_as_well_as_json() {
    for generation in Generation::ALL {
        let pbx = pbx(generation);
        let authorization = authorized(&pbx, "");
        let headers = [("authorization", authorization.as_str()), ("content-type", FORM)];
        let asked = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("query", "query($id: ID) { fetchExtension(extensionId: $id) { extensionId } }")
            .append_pair("variables", r#"{"id": "2001"}"#)
            .finish();
        let answer = ask(&pbx, Method::POST, "/admin/api/api/gql", &headers, &asked);
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(
            (answer.status.as_u16(), &body["data"]["fetchExtension"]["extensionId"]),
            (200, &json!("2001"))
        );
        assert_eq!(ask(&pbx, Method::POST, "/admin/api/api/gql", &headers[..1], "").status, 500);
    }
}

#[test]
fn rest_has_its_users_and_the_release() {
    for generation in [V16, V17] {
        let pbx = pbx(generation);
        let (wide, narrow) = (authorized(&pbx, ""), authorized(&pbx, "rest:core:read:users"));
        let get = |path: &str, authorization: &str| {
            let path = format!("/admin/api/api/rest/{path}");
            let answer = ask(&pbx, Method::GET, &path, &[("authorization", authorization)], "");
            (answer.status.as_u16(), serde_json::from_slice::<Value>(&answer.body).unwrap_or_default())
        };
        let user = json!({"extension": "2000", "name": "Phone", "voicemail": "novm"});
        assert_eq!(get("core/users", &narrow).1["2000"], user);
        assert_eq!(get("core/users/2000", &narrow).1["mohclass"], "default");
        assert_eq!(get("core/users/9", &narrow), (200, json!([])));
        let version = if generation == V16 { "16.0.40.7" } else { "17.0.19" };
        assert_eq!(get("framework/version", &wide), (200, json!({"status": true, "version": version})));
        assert_eq!(get("framework/version", &narrow).1["message"], "unauthorized");
        let unknown = if generation == V16 { 404 } else { 500 };
        for path in ["core/nothing", "core/users/", "core/users/2000/more"] {
            assert_eq!(get(path, &wide).0, unknown, "{path}");
        }
    }
}

#[test]
fn the_token_endpoint_is_as_league_and_slim_make_it() {
    for generation in Generation::ALL {
        let pbx = pbx(generation);
        let given = machine(&pbx, "");
        let field = |name: &str| given.headers[name].to_str().unwrap().to_owned();
        assert_eq!(field("content-type"), "application/json; charset=UTF-8");
        assert_eq!((field("cache-control"), field("pragma")), ("no-store".into(), "no-cache".into()));
        let options = ask(&pbx, Method::OPTIONS, "/admin/api/api/token", &[], "");
        assert_eq!(options.status, if generation == V16 { 200 } else { 500 });
        let get = ask(&pbx, Method::GET, "/admin/api/api/token", &[], "");
        assert_eq!(get.status, if generation == V16 { 405 } else { 500 });
        // 16 asks for the token before it looks at the method.
        let get = ask(&pbx, Method::GET, "/admin/api/api/gql", &[], "");
        assert_eq!(get.status, if generation == V16 { 401 } else { 500 });
    }
}

#[test]
fn a_command_of_the_web_interface_wants_its_referer_and_then_a_session() {
    let pbx = pbx(V17);
    for (headers, status) in [
        (&[][..], 403),
        (&[("host", "pbx.example.com"), ("referer", "https://elsewhere.example.com/")], 403),
        (
            &[("host", "pbx.example.com:8443"), ("referer", "https://pbx.example.com:8443/admin/config.php")],
            401,
        ),
    ] {
        assert_eq!(
            ask(&pbx, Method::GET, "/admin/api/api/getTokens", headers, "").status,
            status,
            "{headers:?}"
        );
    }
}

#[test]
fn a_request_without_the_cookie_leaves_a_session_except_where_freepbx_does_not_come_so_far() {
    let pbx = pbx(V17);
    let token = "/admin/api/api/token";
    let first = ask(&pbx, Method::GET, token, &[], "");
    let cookie = first.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let again = ask(&pbx, Method::GET, token, &[("cookie", &cookie)], "");
    assert!(!again.headers.contains_key("set-cookie"));
    assert_eq!(pbx.sessions(), 1);
    ask(&pbx, Method::GET, token, &[], "");
    assert_eq!(pbx.sessions(), 2);
    for fault in [Fault::DatabaseDown, Fault::ManagerHangs, Fault::Html502] {
        pbx.set_fault(Some(fault.clone()));
        let answer = ask(&pbx, Method::GET, token, &[], "");
        assert!(!answer.headers.contains_key("set-cookie"), "{fault:?}");
    }
    pbx.set_fault(None);
    ask(&pbx, Method::GET, "/robots.txt", &[], "");
    assert_eq!(pbx.sessions(), 2);
}

#[test]
fn what_freepbx_does_before_the_module_fails_for_token_and_call_alike() {
    for generation in Generation::ALL {
        let pbx = pbx(generation);
        let good = authorized(&pbx, "");
        pbx.set_fault(Some(Fault::DatabaseDown));
        for (method, path) in [
            (Method::GET, "token"),
            (Method::POST, "token"),
            (Method::POST, "gql"),
            (Method::GET, "rest/core/users"),
        ] {
            let answer =
                ask(&pbx, method, &format!("/admin/api/api/{path}"), &[("authorization", &good)], "");
            let body: Value = serde_json::from_slice(&answer.body).unwrap();
            let shown = (answer.status.as_u16(), &body["error"]["code"], &body["error"]["type"]);
            assert_eq!(shown, (500, &json!(2002), &json!("Exception")), "{path}");
        }
        pbx.set_fault(Some(Fault::ManagerHangs));
        let request = SimRequest {
            method: Method::POST,
            path_and_query: "/admin/api/api/token".to_owned(),
            headers: HeaderMap::new(),
            body: "".into(),
        };
        assert!(pbx.answer(&request).delay.unwrap() > Duration::from_secs(3600));
        // The web server itself is well.
        assert_eq!(pbx.answer(&SimRequest { path_and_query: "/".to_owned(), ..request }).delay, None);
    }
}
