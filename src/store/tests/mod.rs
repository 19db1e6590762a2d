//! Files of a storage: who owns it, what is read, and what is kept aside. That nothing is lost at a kill is shown in
//! tests/it, through the keeper.

mod disk;
mod leftovers;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};

use super::*;

fn settings(folder: &Path) -> StorageSettings {
    StorageSettings { path: folder.join("tokens"), key: None }
}

/// A storage in use, which the service has made.
fn store(folder: &Path) -> Store {
    let store = Store::new(&settings(folder));
    store.own().expect("free");
    store
}

fn sealed(folder: &Path, key: &str) -> StorageSettings {
    StorageSettings { key: Some(SecretSource::Literal(SecretString::from(key))), ..settings(folder) }
}

fn owner(target: &str) -> Owner {
    let text = |text: &str| text.to_owned();
    Owner {
        target: text(target),
        platform: text("freepbx"),
        origin: text("https://pbx.example.com"),
        client_id: text("app"),
        grant: text("authorization_code"),
        seed: None,
    }
}

fn record(owner: Owner, refresh: &str, serial: u64) -> Record {
    let refresh_token = Some(Written(SecretString::from(refresh)));
    Record { owner, serial, chain: Chain { refresh_token, ..Chain::default() }, access: None }
}

fn refresh(loaded: &Loaded) -> Option<&str> {
    loaded.record.as_ref()?.chain.refresh_token.as_ref().map(|written| written.0.expose_secret())
}

fn file(folder: &Path, target: &str) -> PathBuf {
    folder.join("tokens").join(format!("{}.json", stem(target)))
}

fn asides(folder: &Path) -> usize {
    let names = fs::read_dir(folder.join("tokens")).expect("a folder");
    names
        .filter(|entry| entry.as_ref().is_ok_and(|e| e.file_name().to_string_lossy().contains(".aside-")))
        .count()
}

#[test]
fn what_one_process_saved_the_next_one_loads_and_nobody_else_may_look_in() {
    let folder = tempfile::tempdir().expect("a folder");
    for (settings, target) in
        [(settings(folder.path()), "office"), (sealed(folder.path(), &"a".repeat(64)), "büro")]
    {
        let store = Store::new(&settings);
        assert!(store.load(&owner(target)).expect("usable").record.is_none());
        store.save(&record(owner(target), "first", 1)).expect("saved");
        drop(store);
        let loaded = Store::new(&settings).load(&owner(target)).expect("usable");
        assert_eq!(refresh(&loaded), Some("first"));
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&settings.path), mode(&file(folder.path(), target))), (0o700, 0o600));
    }
}

#[test]
fn a_storage_has_one_owner_at_a_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let (first, second) = (Store::new(&settings(folder.path())), Store::new(&settings(folder.path())));
    first.own().expect("free");
    let error = second.load(&owner("office")).expect_err("taken");
    assert!(matches!(error, StoreError::Locked(_)), "{error}");
    assert!(error.to_string().contains("in use by another pbx_exporter"), "{error}");
    drop(first);
    second.own().expect("free again");
}

#[test]
fn an_owner_that_is_about_to_go_is_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let (first, second) = (Store::new(&settings(folder.path())), Store::new(&settings(folder.path())));
    first.own().expect("free");
    let (first, pauses) = (std::cell::RefCell::new(Some(first)), std::cell::Cell::new(0));
    let pause = || {
        pauses.set(pauses.get() + 1);
        if pauses.get() == 3 {
            first.take();
        }
    };
    second.own_after(pause).expect("free at last");
    assert_eq!(pauses.get(), 3);
}

#[test]
fn a_wrong_key_or_open_mode_is_told_and_leaves_the_file_where_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let right = sealed(folder.path(), &"a".repeat(64));
    Store::new(&right).save(&record(owner("office"), "first", 1)).expect("saved");
    let path = file(folder.path(), "office");
    for wrong in
        [settings(folder.path()), sealed(folder.path(), &"b".repeat(64)), sealed(folder.path(), "short")]
    {
        let error = Store::new(&wrong).load(&owner("office")).expect_err("unusable").to_string();
        assert!(error.contains("storage.key_file"), "{error}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("a mode");
    let error = Store::new(&right).load(&owner("office")).expect_err("open").to_string();
    assert!(error.contains("chmod 600") && error.contains(&path.display().to_string()), "{error}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a mode");
    assert_eq!(refresh(&Store::new(&right).load(&owner("office")).expect("usable")), Some("first"));
    assert_eq!(asides(folder.path()), 0);
}

#[test]
fn a_code_serves_once_in_time_for_its_target_whatever_others_try() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(folder.path());
    let try_at = |target: &str, code: &str, now| store.use_code(target, code, now).expect("usable");
    let code = store.new_code("office", 1000.0).expect("a code");
    assert_eq!(try_at("branch", &code, 1001.0), CodeState::None);
    assert_eq!(try_at("office", &code, 1600.0), CodeState::None, "too late");
    assert_eq!(try_at("office", &format!(" {code}\n"), 1001.0), CodeState::Right);
    assert_eq!(try_at("office", &code, 1002.0), CodeState::None, "used up");
    let code = store.new_code("office", 1000.0).expect("a code");
    assert_eq!(code.len(), 20, "120 bits in Base64");
    for _ in 0..1000 {
        assert_eq!(try_at("office", "wrong", 1001.0), CodeState::Wrong);
    }
    let all = fs::read_dir(folder.path().join("tokens/codes")).expect("a folder");
    for entry in all {
        let text = fs::read_to_string(entry.expect("an entry").path()).expect("text");
        assert!(!text.contains(&code));
    }
    assert_eq!(try_at("office", &code, 1001.0), CodeState::Right, "nobody locks the right one out");
}

#[test]
fn of_many_who_try_a_right_code_at_once_one_gets_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(folder.path());
    for _ in 0..20 {
        let code = store.new_code("office", 1000.0).expect("a code");
        let barrier = std::sync::Barrier::new(8);
        let try_it = || {
            barrier.wait();
            store.use_code("office", &code, 1001.0).expect("usable")
        };
        let states: Vec<_> = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..8).map(|_| scope.spawn(try_it)).collect();
            tries.into_iter().map(|handle| handle.join().expect("no panic")).collect()
        });
        assert_eq!(states.iter().filter(|state| **state == CodeState::Right).count(), 1, "{states:?}");
    }
}

#[test]
fn two_who_write_the_same_file_at_once_do_not_disturb_each_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(folder.path());
    std::thread::scope(|scope| {
        for name in ["first", "second"] {
            let store = &store;
            scope.spawn(move || {
                for serial in 0..50 {
                    store.save(&record(owner("office"), name, serial)).expect("written");
                }
            });
        }
    });
    assert!(refresh(&store.load(&owner("office")).expect("read")).is_some());
}
