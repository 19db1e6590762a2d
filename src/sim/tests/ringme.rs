//! The simulated Ringme answers what its fixtures say, and its description reads it so.

use super::*;
use crate::sim::ringme::{PERSON_ID, RingmeFault, SimRingme, TRUSTED_ID, fixtures, target};
use crate::sim::target::{PASSWORD, SECRET, USER};

fn ask(pbx: &SimRingme, method: Method, path: &str, token: &str, body: &str) -> Answer {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, format!("Bearer {token}").try_into().unwrap());
    let request = SimRequest { method, path_and_query: path.into(), headers, body: body.to_owned().into() };
    plain(pbx.answer(&request))
}

fn token(pbx: &SimRingme, form: &str) -> Answer {
    ask(pbx, Method::POST, "/oauth/token", "", form)
}

#[test]
fn each_application_serves_its_grant_alone() {
    let clock = Clock::steered(1_800_000_000.0);
    let pbx = SimRingme::new(clock);
    let person = format!("username={USER}&password={PASSWORD}");
    for (client, form, name) in [
        (TRUSTED_ID, "grant_type=client_credentials".to_owned(), None),
        (PERSON_ID, format!("grant_type=password&{person}"), None),
        (PERSON_ID, "grant_type=client_credentials".into(), Some("another grant")),
        (TRUSTED_ID, format!("grant_type=password&{person}"), Some("another grant")),
        (TRUSTED_ID, "grant_type=magic".into(), Some("unknown grant")),
        ("nobody", "grant_type=client_credentials".into(), Some("unknown client")),
        (PERSON_ID, "grant_type=password&username=x&password=y".into(), Some("wrong password")),
        (
            PERSON_ID,
            "grant_type=refresh_token&refresh_token=x&redirect_uri=".into(),
            Some("refresh token dead"),
        ),
    ] {
        let answer = token(&pbx, &format!("client_id={client}&client_secret={SECRET}&{form}"));
        let expected = name.map_or(200, |name| fixtures::find(name).status);
        assert_eq!(answer.status.as_u16(), expected, "{client} {form}");
        if let Some(name) = name {
            assert_eq!(answer.body, fixtures::find(name).answer().body, "{form}");
        }
        let refreshes = member(&answer, "refresh_token").is_some();
        assert_eq!(refreshes, name.is_none() && client == PERSON_ID, "{form}");
    }
}

#[test]
fn every_fixture_of_a_resource_can_be_had_and_is_read_as_it_should() {
    let pbx = SimRingme::new(Clock::steered(1_800_000_000.0));
    let form = format!("grant_type=client_credentials&client_id={TRUSTED_ID}&client_secret={SECRET}");
    let given = member(&token(&pbx, &form), "access_token").unwrap();
    let target = target("pbx", &origin(), Grant::ClientCredentials);
    let context = context(&target, Operation::Extensions);
    let table = Table::<Reason>::of_ringme();
    for fixture in fixtures::ALL.iter().filter(|fixture| fixture.operation == Operation::Extensions) {
        pbx.set_fault(Some(RingmeFault::Resource(fixture.name)));
        let answer = ask(&pbx, Method::GET, "/api/ver1.0/client/@me/extension/?page=1", &given, "");
        let seen = platform::read_list(&context, &answer);
        let seen = seen.map(|listing| listing.total).map_err(|failure| failure.reason());
        assert_eq!(seen, table.row(fixture.name, fixture.generations).result(), "{}", fixture.name);
        assert!(platform::rate_limit(&target, &answer).0.is_some(), "each answer tells the budget");
    }
}

#[test]
fn pages_end_with_a_short_one_and_the_budget_with_the_hour() {
    let pbx = SimRingme::new(Clock::steered(1_800_000_000.0));
    pbx.set_extensions(5);
    let form = format!("grant_type=client_credentials&client_id={TRUSTED_ID}&client_secret={SECRET}");
    let given = member(&token(&pbx, &form), "access_token").unwrap();
    for (query, count) in
        [("page=1&per_page=2", 2), ("page=3&per_page=2", 1), ("page=4&per_page=2", 0), ("", 5)]
    {
        let answer =
            ask(&pbx, Method::GET, &format!("/api/ver1.0/client/@me/extension/?{query}"), &given, "");
        let items: Vec<serde_json::Value> = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(items.len(), count, "{query}");
    }
    pbx.set_budget(4);
    assert_eq!(ask(&pbx, Method::GET, "/api/ver1.0/user/", &given, "").status, 429);
    assert_eq!(ask(&pbx, Method::GET, "/api/ver1.0/user/", "any", "").status, 429);
}
