//! Ringme's literal answers, judged by its description alone.

use super::*;
use crate::sim::ringme::{self, fixtures::ALL};

#[test]
fn a_call_without_pointers_wants_json_and_hears_nothing_of_another_path() {
    let origin = Url::parse("https://api.example.com").unwrap();
    let mut target = ringme::target("pbx", &origin, Grant::ClientCredentials);
    for (call, has_me) in [("first", true), ("user", false), ("extensions", true)] {
        target.call = Call::known(call);
        let ctx = context(&target, Operation::Extensions, false);
        for (body, reason) in
            [("<html>", "an HTML page"), ("ready", "not JSON"), ("", "not JSON"), ("{", "not JSON")]
        {
            let failure = read_list(&ctx, &answer(200, body)).unwrap_err();
            assert_eq!(failure.reason(), Reason::UnexpectedResponse, "{call} {body}");
            let said = say(&ctx, &failure);
            assert!(said.contains(reason), "{call} {body}: {said}");
        }
        assert!(read_list(&ctx, &answer(200, "[]")).is_ok(), "{call}");
        let absent = read_list(&ctx, &answer(404, r#"{"message":"Record not found"}"#)).unwrap_err();
        assert_eq!(absent.reason(), Reason::ApiNotFound);
        let said = say(&ctx, &absent);
        assert_eq!(said.contains("@me` works only"), has_me, "{call}: {said}");
        assert_eq!(said.contains("call: user"), has_me, "{call}: {said}");
    }
    let Call::Custom(custom) = Called::Path("/api/ver1.0/ready").call() else { unreachable!() };
    target.call = Call::Custom(custom);
    let ctx = context(&target, Operation::Extensions, false);
    assert_eq!(read_list(&ctx, &answer(200, "ready")), Ok(Listing { total: None }), "a call of one's own");
}

fn of(fixture: &Fixture) -> Target {
    let grant = if fixture.grant == Grant::RefreshToken { Grant::Password } else { fixture.grant };
    ringme::target("pbx", &Url::parse("https://api.example.com").unwrap(), grant)
}

#[test]
fn every_answer_of_ringme_has_its_reason_and_its_fix() {
    let table = Table::<Reason>::of_ringme();
    assert_eq!(table.0.len(), ALL.len());
    for fixture in ALL {
        let (target, expected) = (of(fixture), table.row(fixture.name, fixture.generations));
        let ctx = CallContext { grant: fixture.grant, ..context(&target, fixture.operation, fixture.fresh) };
        match (judge(&ctx, &fixture.answer()), expected.result()) {
            (Ok(total), Ok(expected)) => assert_eq!(total, expected, "{}", fixture.name),
            (Err(failure), Err(reason)) => {
                let said = say(&ctx, &failure);
                assert_eq!(failure.reason(), reason, "{}: {said}", fixture.name);
                for part in &expected.says {
                    assert!(said.contains(part), "{}: no {part:?} in: {said}", fixture.name);
                }
                assert!(said.ends_with('.') && !said.contains("  ") && !said.contains('{'), "{said}");
                assert!(said.len() <= 640, "{}: {said}", fixture.name);
                assert!(possible_reasons(&target, fixture.operation).contains(&reason), "{}", fixture.name);
            }
            (judged, expected) => panic!("{}: {judged:?} instead of {expected:?}", fixture.name),
        }
    }
}

#[test]
fn a_spent_budget_says_when_to_come_again() {
    let fixture = ringme::fixtures::find("budget spent");
    let target = of(fixture);
    let failure = read_list(&context(&target, Operation::Extensions, false), &fixture.answer()).unwrap_err();
    assert_eq!(failure.retry_after, Some(Duration::from_secs(900)));
    assert_eq!(rate_limit(&target, &fixture.answer()), (Some(0), Some(900)));
    let fixture = ringme::fixtures::find("one at a time");
    let failure = read_list(&context(&target, Operation::Extensions, false), &fixture.answer()).unwrap_err();
    assert_eq!(failure.retry_after, None, "640 are left");
}

#[test]
fn pages_are_asked_for_until_a_short_one() {
    let target = of(ringme::fixtures::find("two extensions"));
    assert!(counts_by_listing(&target));
    let ctx = context(&target, Operation::Extensions, false);
    let first = extensions_request(&target, None);
    assert_eq!(first.url.query(), Some("per_page=100&page=1"));
    assert_eq!(first.url.path(), "/api/ver1.0/client/@me/extension/");
    let item = |n: u32| format!(r#"{{"id":{n},"name":"0003*{n}","label":"Desk {n}"}}"#);
    let page = |count: u32| format!("[{}]", (0..count).map(item).collect::<Vec<_>>().join(","));
    let read = |count, after| read_extensions(&ctx, &answer(200, page(count)), after).unwrap();
    assert_eq!(read(100, None).next.as_deref(), Some("2"));
    assert_eq!(read(100, Some("7")).next.as_deref(), Some("8"));
    let last = read(99, Some("8"));
    assert_eq!((last.next, last.total), (None, None));
    assert_eq!(&*last.extensions.unwrap()[1].id, "0003*1");
    assert_eq!(extensions_request(&target, Some("8")).url.query(), Some("per_page=100&page=8"));
}

#[test]
fn what_ringme_never_says_is_not_announced() {
    let target = of(ringme::fixtures::find("two extensions"));
    let has = |reason| possible_reasons(&target, Operation::Extensions).contains(&reason);
    assert!(!has(Reason::AjaxDeclined) && !has(Reason::QueryFailed));
    assert!(has(Reason::AccessDenied) && has(Reason::UserBlocked) && has(Reason::TokenRejected));
}
