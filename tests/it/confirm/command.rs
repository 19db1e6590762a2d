//! `pbx_exporter authorize`.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::time::Duration;

use pbx_exporter::domain::Operation;
use url::Url;

use super::{NEEDS_PERSON, UP, allowed, authorize, config, pbx, secrets, serve, shown, visit};
use crate::support::person::{Press, press, settings};
use crate::support::process::{Ended, PATIENCE, Service, eventually};

async fn ended(mut command: Service) -> Ended {
    command.ended(PATIENCE).await
}

fn kept(storage: &std::path::Path) -> usize {
    let names = std::fs::read_dir(storage.join("handover"));
    names.map_or(0, Iterator::count)
}

#[tokio::test]
async fn a_person_confirms_and_the_running_service_goes_on_by_itself() {
    let (server, folder) = (pbx().await, tempfile::tempdir().expect("a folder"));
    let storage = settings(folder.path()).path;
    let config = config(&server, &storage, "");
    let mut service = serve(&config).await;
    service.until(NEEDS_PERSON, 1.0).await;
    assert_eq!(server.pbx().requests(Operation::Token), 0, "nothing is sent before");

    let command = authorize(&config, &[]).spawn();
    let location = shown(&command).await;
    let query: std::collections::HashMap<_, _> = location.query_pairs().into_owned().collect();
    assert_eq!((&*query["response_type"], &*query["code_challenge_method"]), ("code", "S256"));
    assert!(
        query["state"].len() >= 43 && query["redirect_uri"].starts_with("http://127.0.0.1:"),
        "{location}"
    );
    let back = allowed(&server, &location);
    let page = visit(&back, &[]).await;
    assert_eq!(
        (page.status, page.header("referrer-policy"), page.header("cache-control")),
        (200, "no-referrer", "no-store")
    );
    assert!(page.body.contains("Access to head office is confirmed."), "{}", page.body);
    let ended = ended(command).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("picks it up by itself within 1s"), "{}", ended.stdout);

    service.until(UP, 1.0).await;
    assert_eq!(service.value(NEEDS_PERSON).await, None);
    let said = format!("{}{}{}", page.whole(), service.get("/").await.whole(), service.metrics().await);
    service.signal("TERM").await;
    let service = service.ended(PATIENCE).await;
    let all = [said, ended.stdout, ended.stderr, service.stdout, service.stderr].join("\n");
    assert!(!all.contains("code_verifier"));
    let secrets = secrets(&back, &storage);
    assert_eq!(secrets.len(), 3, "a code and two tokens");
    for secret in secrets {
        assert!(!all.contains(&secret), "{secret} in {all}");
    }
}

#[tokio::test]
async fn whoever_says_no_changes_nothing() {
    let (server, folder) = (pbx().await, tempfile::tempdir().expect("a folder"));
    let storage = settings(folder.path()).path;
    let command = authorize(&config(&server, &storage, ""), &["--no-browser"]).spawn();
    let location = shown(&command).await;
    let page = visit(&press(&**server.pbx(), &location, Press::Deny), &[]).await;
    assert!(page.status == 400 && page.body.contains("access was denied at the PBX"), "{}", page.body);
    let ended = ended(command).await;
    assert_eq!(ended.code, Some(6));
    assert!(
        ended.stderr.contains("head office: not confirmed: access was denied at the PBX"),
        "{}",
        ended.stderr
    );
    assert_eq!((server.pbx().requests(Operation::Token), kept(&storage)), (0, 0));
}

#[tokio::test]
async fn a_wrong_state_is_told_and_the_right_one_may_still_come_but_not_twice() {
    let (server, folder) = (pbx().await, tempfile::tempdir().expect("a folder"));
    let storage = settings(folder.path()).path;
    let command = authorize(&config(&server, &storage, ""), &[]).spawn();
    let back = allowed(&server, &shown(&command).await);
    let altered = Url::parse(&back.as_str().replace("state=", "state=x")).expect("an address");
    let without = Url::parse(back.as_str().split("&state=").next().expect("a part")).expect("an address");
    for wrong in [&altered, &without] {
        let page = visit(wrong, &[]).await;
        assert!(
            page.status == 400 && page.body.contains("does not belong to the confirmation"),
            "{}",
            page.body
        );
    }
    let elsewhere = back.join("/elsewhere?code=x").expect("an address");
    assert_eq!(visit(&elsewhere, &[]).await.status, 404);
    assert_eq!(server.pbx().requests(Operation::Token), 0);
    assert_eq!(visit(&back, &[]).await.status, 200);
    let ended = ended(command).await;
    assert_eq!(ended.code, Some(0));
    assert!(ended.stderr.contains("still waiting"), "{}", ended.stderr);

    // The same answer for another confirmation.
    let asked = server.pbx().requests(Operation::Token);
    let again =
        authorize(&config(&server, &storage, ""), &["--paste"]).input(&format!("{back}\n")).run().await;
    assert_eq!(again.code, Some(6), "{}", again.stderr);
    assert!(again.stderr.contains("is wrong, missing or already used"), "{}", again.stderr);
    assert_eq!(server.pbx().requests(Operation::Token), asked);
}

/// A pipe as standard input, because the address is known only once the command has shown its own.
async fn paste(config: &str, arguments: &[&str], answer: impl Fn(Url) -> String) -> Ended {
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("pipe");
    let made = tokio::process::Command::new("mkfifo").arg(&pipe).status().await.expect("mkfifo");
    assert!(made.success());
    let open = std::fs::File::options().read(true).write(true).open(&pipe).expect("a pipe");
    let command = authorize(config, arguments).piped(open.try_clone().expect("a pipe")).spawn();
    let location = shown(&command).await;
    std::io::Write::write_all(&mut &open, answer(location).as_bytes()).expect("written");
    ended(command).await
}

#[tokio::test]
async fn on_a_machine_without_a_browser_the_redirected_address_is_pasted() {
    let (server, folder) = (pbx().await, tempfile::tempdir().expect("a folder"));
    let config = config(&server, &settings(folder.path()).path, "");
    for arguments in [&["--paste"][..], &["--no-browser"]] {
        let ended = paste(&config, arguments, |location| format!("{}\n", allowed(&server, &location))).await;
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
    }
    for (pasted, said) in
        [("\n", "paste the whole address"), ("https://pbx.example.com/\n", "paste the whole address")]
    {
        let ended = authorize(&config, &["--paste"]).input(pasted).run().await;
        assert!(ended.code == Some(6) && ended.stderr.contains(said), "{}", ended.stderr);
    }
    // Whatever else is pasted before.
    for arguments in [&["--paste"][..], &["--no-browser"]] {
        let ended = paste(&config, arguments, |location| {
            let right = allowed(&server, &location);
            let stale = right.as_str().replace("state=", "state=x");
            format!("\nhttps://pbx.example.com/\n{stale}\n{right}\n")
        });
        let ended = ended.await;
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
        assert_eq!(ended.stderr.matches("still waiting").count(), 2, "{}", ended.stderr);
        assert!(ended.stderr.contains("this is not the address of the last page"), "{}", ended.stderr);
    }
    // The browser would go to a place that is not here.
    let elsewhere = config.replace("client_id:", "redirect_uri: 'https://app.example.com/back', client_id:");
    let ended = paste(&elsewhere, &[], |location| {
        let back = allowed(&server, &location);
        assert!(back.as_str().starts_with("https://app.example.com/back?"), "{back}");
        format!("{back}\n")
    });
    assert_eq!(ended.await.code, Some(0));
}

#[tokio::test]
async fn where_there_is_a_desktop_its_browser_is_opened_without_a_shell() {
    let (server, folder) = (pbx().await, tempfile::tempdir().expect("a folder"));
    let config = config(&server, &settings(folder.path()).path, "");
    let (script, opened) = (folder.path().join("xdg-open"), folder.path().join("opened"));
    std::fs::write(&script, format!("#!/bin/sh\nprintf '%s %s' \"$#\" \"$1\" > '{}'\n", opened.display()))
        .expect("a script");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).expect("a mode");
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let command = authorize(&config, &[]).env("DISPLAY", ":0").env("PATH", &path).spawn();
    let location = shown(&command).await;
    eventually("the browser was opened", async || {
        std::fs::read_to_string(&opened).ok().filter(|text| *text == format!("1 {location}")).map(|_| ())
    })
    .await;
    drop(command);
    // Not without one, and not where it is not wanted.
    std::fs::remove_file(&opened).expect("removed");
    for (arguments, display) in [(&["--no-browser"][..], ":0"), (&[], "")] {
        let command = authorize(&config, arguments).env("DISPLAY", display).env("PATH", &path).spawn();
        let back = allowed(&server, &shown(&command).await);
        visit(&back, &[]).await;
        assert_eq!(ended(command).await.code, Some(0));
        assert!(!opened.exists(), "{arguments:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_confirmed_is_told_before_anybody_is_asked() {
    let (server, folder) = (pbx().await, tempfile::tempdir().expect("a folder"));
    let storage = settings(folder.path()).path;
    let good = config(&server, &storage, "");
    let other = good.replace("grant: authorization_code, ", "");
    for (config, arguments, code, said) in [
        (&*other, &[][..], 4, "its grant is client_credentials"),
        (&*good, &["--page"], 4, "add `authorization:` with external_url"),
        (&*good, &["--page", "--paste"], 2, "cannot be used with"),
        (&good.replace(super::TARGET, "branch"), &[], 4, "no target is named `head office`"),
        (&good.replace("storage:", "#"), &[], 4, "add `storage:` with a path"),
    ] {
        let ended = authorize(config, arguments).run().await;
        assert_eq!(ended.code, Some(code), "{said}: {}", ended.stderr);
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
    }
    let is_root = std::fs::metadata(folder.path()).expect("a folder").uid() == 0;
    if is_root {
        let elsewhere = config(&server, &folder.path().join("elsewhere"), "");
        let ended = authorize(&elsewhere, &[]).run().await;
        assert!(
            ended.code == Some(4) && ended.stderr.contains("start the service first"),
            "{}",
            ended.stderr
        );
        assert!(!ended.stdout.contains("Open this address"), "{}", ended.stdout);
    }
    let busy = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = busy.local_addr().expect("bound").port().to_string();
    let ended = authorize(&good, &["--port", &port]).run().await;
    assert!(ended.code == Some(1) && ended.stderr.contains("or use --paste"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_refused_code_and_a_silent_pbx_have_their_own_exit_codes_and_change_nothing() {
    let (server, folder) = (pbx().await, tempfile::tempdir().expect("a folder"));
    let storage = settings(folder.path()).path;
    let wrong = config(&server, &storage, "").replace(pbx_exporter::sim::target::SECRET, "not-the-secret");
    let ended = paste(&wrong, &["--paste"], |location| format!("{}\n", allowed(&server, &location))).await;
    assert!(ended.code == Some(6) && ended.stderr.contains("invalid_client"), "{}", ended.stderr);
    assert_eq!(kept(&storage), 0);
    let elsewhere = config(&server, &storage, "")
        .replace(server.origin().as_str().trim_end_matches('/'), "http://127.0.0.1:9");
    let ended = paste(&elsewhere, &["--paste"], |location| {
        let state = location.query_pairs().find(|(name, _)| name == "state").expect("a state").1.into_owned();
        format!("http://127.0.0.1:8765/callback?code=x&state={state}\n")
    });
    let ended = ended.await;
    assert!(ended.code == Some(5) && ended.stderr.contains("connect"), "{}", ended.stderr);
    assert_eq!(kept(&storage), 0);
}

#[tokio::test]
async fn tokens_that_cannot_be_written_are_tried_again_while_the_command_lasts() {
    use pbx_exporter::sim::Fault;
    let (server, folder) = (pbx().await, tempfile::tempdir().expect("a folder"));
    let storage = settings(folder.path()).path;
    let mut command = authorize(&config(&server, &storage, ""), &["--no-browser"]).spawn();
    let back = allowed(&server, &shown(&command).await);
    server.pbx().set_fault(Some(Fault::Hang));
    let handover = storage.join("handover");
    let spoil = eventually("the code is under way", async || {
        (server.pbx().requests(Operation::Token) == 1).then(|| {
            std::fs::remove_dir_all(&handover).expect("removed");
            std::fs::write(&handover, "in the way").expect("written");
            server.pbx().set_fault(None);
        })
    });
    let (page, ()) = tokio::join!(visit(&back, &[]), spoil);
    assert!(page.status == 400 && page.body.contains("The command keeps trying"), "{}", page.body);
    assert!(command.stderr().contains("do not stop this command"), "{}", command.stderr());
    std::fs::remove_file(&handover).expect("removed");
    let ended = command.ended(PATIENCE).await;
    assert_eq!((ended.code, kept(&storage)), (Some(0), 1), "{}", ended.stderr);
    assert!(ended.stdout.contains("Access to head office is confirmed."), "{}", ended.stdout);
}

#[tokio::test]
async fn a_service_killed_while_the_pbx_holds_its_answer_says_so_in_its_next_life() {
    use pbx_exporter::sim::Fault;
    let (server, folder) = (pbx().await, tempfile::tempdir().expect("a folder"));
    let storage = settings(folder.path()).path;
    let config = config(&server, &storage, "");
    // Over when the service asks for the second time, at the latest.
    server.pbx().set_token_lifetime(Duration::from_secs(1));
    let ended = paste(&config, &["--paste"], |location| format!("{}\n", allowed(&server, &location))).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let interval = config.replace("failure_interval: 1s", "interval: 60s, failure_interval: 1s, timeout: 6s");
    server.pbx().set_fault(Some(Fault::Hang));
    let mut service = serve(&interval).await;
    eventually("a refresh is under way", async || {
        (server.pbx().token_requests_by_grant(pbx_exporter::domain::Grant::RefreshToken) > 0).then_some(())
    })
    .await;
    service.signal("KILL").await;
    assert_eq!(service.ended(PATIENCE).await.code, None, "killed");
    server.pbx().set_fault(None);
    let service = serve(&interval).await;
    service.until(NEEDS_PERSON, 1.0).await;
    let page = service.get("/").await.body;
    assert!(page.contains("pbx_exporter was stopped during the refresh of"), "{page}");
    assert!(
        page.contains("pbx_exporter --config.file FILE authorize &#39;head office&#39;")
            || page.contains("pbx_exporter --config.file FILE authorize 'head office'"),
        "{page}"
    );
}

#[tokio::test]
async fn two_services_do_not_share_a_storage() {
    let (server, folder) = (pbx().await, tempfile::tempdir().expect("a folder"));
    let config = config(&server, &settings(folder.path()).path, "");
    let first = serve(&config).await;
    let second = serve(&config).await;
    assert!(second.stderr().contains("in use by another pbx_exporter"), "{}", second.stderr());
    let trouble = super::NEEDS_PERSON.replace("authorization_required", "exporter_error");
    second.until(&trouble, 1.0).await;
    drop(first);
    second.until(NEEDS_PERSON, 1.0).await;
}

#[tokio::test]
async fn a_reload_cannot_move_the_storage_and_keeps_the_rest() {
    let (server, folder) = (pbx().await, tempfile::tempdir().expect("a folder"));
    let first = config(&server, &settings(folder.path()).path, "");
    let service = serve(&first).await;
    for changed in [
        config(&server, &folder.path().join("elsewhere"), ""),
        config(
            &server,
            &settings(folder.path()).path,
            "authorization: {external_url: 'https://exporter.example.com'}",
        ),
    ] {
        service.write(super::CONFIG, &changed);
        let reply = service.post("/-/reload").await;
        assert_eq!(reply.status, 500);
        assert!(
            reply.body.contains("storage and authorization cannot be changed by a reload"),
            "{}",
            reply.body
        );
    }
    service.write(super::CONFIG, &first);
    assert_eq!(service.post("/-/reload").await.status, 200);
    assert!(!folder.path().join("elsewhere").exists());
}

#[tokio::test]
async fn with_a_key_the_files_are_sealed_and_another_key_leaves_them_alone() {
    let (server, folder) = (pbx().await, tempfile::tempdir().expect("a folder"));
    let (storage, key) = (settings(folder.path()).path, folder.path().join("key"));
    let with_key = |byte: &str| {
        std::fs::write(&key, format!("{}\n", byte.repeat(32))).expect("a key");
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("a mode");
    };
    with_key("7f");
    let config =
        config(&server, &storage, "").replacen("'}", &format!("', key_file: '{}'}}", key.display()), 1);
    let ended = paste(&config, &["--paste"], |location| format!("{}\n", allowed(&server, &location))).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let service = serve(&config).await;
    service.until(UP, 1.0).await;
    drop(service);
    let files = || {
        let entries =
            std::fs::read_dir(&storage).expect("a folder").map(|entry| entry.expect("an entry").path());
        entries.filter(|path| path.extension().is_some_and(|e| e == "json")).collect::<Vec<_>>()
    };
    let sealed = std::fs::read_to_string(&files()[0]).expect("text");
    assert!(sealed.contains("\"sealed\"") && !sealed.contains("refresh_token"), "{sealed}");

    with_key("00");
    let service = serve(&config).await;
    service.until(&NEEDS_PERSON.replace("authorization_required", "exporter_error"), 1.0).await;
    let page = service.get("/").await.body;
    assert!(page.contains("was sealed with another key"), "{page}");
    assert_eq!(std::fs::read_to_string(&files()[0]).expect("text"), sealed);
    with_key("7f");
    service.until(UP, 1.0).await;
}
