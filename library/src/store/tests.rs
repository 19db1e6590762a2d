//! Files of a storage: who owns it, what is read, and what is kept aside. That nothing is lost at a kill is shown in
//! tests/it, through the keeper.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

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
fn a_broken_or_foreign_file_is_kept_aside_and_named() {
    let newer = r#"{"format":2,"owner":{},"serial":1}"#;
    for (content, said) in
        [("{", "is broken"), ("", "is broken"), ("text", "is broken"), (newer, "another version")]
    {
        let folder = tempfile::tempdir().expect("a folder");
        let store = store(folder.path());
        store.save(&record(owner("office"), "first", 1)).expect("saved");
        let path = file(folder.path(), "office");
        fs::write(&path, content).expect("written");
        let loaded = store.load(&owner("office")).expect("usable");
        let told = loaded.notes.first().expect("a note");
        assert!(loaded.record.is_none() && told.contains(said), "{told}");
        assert!(told.contains(&path.display().to_string()) && told.contains(".aside-"), "{told}");
        assert_eq!(asides(folder.path()), 1, "{content}");
        store.save(&record(owner("office"), "second", 1)).expect("saved");
        assert_eq!(asides(folder.path()), 1, "never overwritten");
    }
}

#[test]
fn tokens_of_another_application_place_or_grant_are_not_used() {
    let change: [fn(&mut Owner); 5] = [
        |owner| owner.client_id.push('2'),
        |owner| owner.origin.push('2'),
        |owner| owner.grant = "password".to_owned(),
        |owner| owner.platform.push('2'),
        |owner| owner.seed = Some("other".to_owned()),
    ];
    for change in change {
        let folder = tempfile::tempdir().expect("a folder");
        let store = store(folder.path());
        store.save(&record(owner("office"), "first", 1)).expect("saved");
        let mut other = owner("office");
        change(&mut other);
        let loaded = store.load(&other).expect("usable");
        assert!(loaded.record.is_none() && loaded.notes.len() == 1);
        assert_eq!(asides(folder.path()), 1);
    }
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
fn a_folder_that_others_may_look_into_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = settings(folder.path());
    fs::create_dir(&settings.path).expect("a folder");
    fs::set_permissions(&settings.path, fs::Permissions::from_mode(0o755)).expect("a mode");
    let error = Store::new(&settings).own().expect_err("open").to_string();
    assert!(error.contains("chmod 700"), "{error}");
}

#[test]
fn any_name_makes_a_file_of_its_own() {
    let names = ["office", "Office", "a/b", "../../etc/passwd", "..", "", "büro", "b ro", &"x".repeat(128)];
    let stems: std::collections::HashSet<_> = names.iter().map(|name| stem(name)).collect();
    assert_eq!(stems.len(), names.len());
    for stem in stems {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(stem.len() < 64 && stem.chars().all(plain), "{stem}");
    }
}

#[test]
fn the_newer_of_two_files_is_taken_where_a_process_ended_before_it_gave_it_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(folder.path());
    store.save(&record(owner("office"), "first", 1)).expect("saved");
    let path = file(folder.path(), "office");
    let beside = PathBuf::from(format!("{}.new", path.display()));
    let content = |refresh: &str, serial| seal::encode(&record(owner("office"), refresh, serial), None);
    for (bytes, expected) in [
        (content("second", 2), "second"),
        (content("older", 1), "second"),
        (content("third", 3)[..40].to_vec(), "second"),
    ] {
        fs::write(&beside, bytes).expect("written");
        fs::set_permissions(&beside, fs::Permissions::from_mode(0o600)).expect("a mode");
        assert_eq!(refresh(&store.load(&owner("office")).expect("usable")), Some(expected));
        assert!(!beside.exists());
    }
    // One of a newer version is nobody's to remove.
    fs::write(&beside, r#"{"format":2}"#).expect("written");
    fs::set_permissions(&beside, fs::Permissions::from_mode(0o600)).expect("a mode");
    assert_eq!(refresh(&store.load(&owner("office")).expect("usable")), Some("second"));
    assert!(!beside.exists() && asides(folder.path()) == 1);
    // Nor is one in the place of the file itself.
    for (at, old) in [r#"{"format":2}"#, "{"].into_iter().enumerate() {
        fs::write(&path, old).expect("written");
        fs::write(&beside, content("newest", 9)).expect("written");
        fs::set_permissions(&beside, fs::Permissions::from_mode(0o600)).expect("a mode");
        let loaded = store.load(&owner("office")).expect("usable");
        assert_eq!((refresh(&loaded), loaded.notes.len()), (Some("newest"), 1), "{loaded:?}");
        assert_eq!(asides(folder.path()), 2 + at, "{old}");
    }
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
fn a_folder_that_root_would_make_for_who_knows_whom_is_refused_before_anybody_confirms() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = settings(folder.path());
    let store = Store::new(&settings);
    let handed = [
        store.can_hand_over(),
        store.hand_over("id", &record(owner("office"), "first", 1)),
        store.new_code("office", 1000.0).map(|_| ()),
    ];
    for handed in handed {
        if rustix::process::geteuid().is_root() {
            let error = handed.expect_err("root").to_string();
            assert!(error.contains("start the service first") && !settings.path.exists(), "{error}");
        } else {
            handed.expect("whose own it is");
        }
    }
    Store::new(&settings).own().expect("the service makes it");
    store.can_hand_over().expect("and then root may, too");
    let unreadable =
        StorageSettings { key: Some(SecretSource::Literal(SecretString::from("short"))), ..settings.clone() };
    let error = Store::new(&unreadable).can_hand_over().expect_err("no key").to_string();
    assert!(error.contains("storage.key_file"), "{error}");
}

#[test]
fn what_root_writes_belongs_to_whom_the_folder_belongs() {
    use std::os::unix::fs::{MetadataExt as _, chown};
    let folder = tempfile::tempdir().expect("a folder");
    let settings = settings(folder.path());
    let mut expected = fs::metadata(folder.path()).expect("there").uid();
    fs::create_dir(&settings.path).expect("a folder");
    fs::set_permissions(&settings.path, fs::Permissions::from_mode(0o700)).expect("a mode");
    // Only root can do this, and only for root does it matter.
    if chown(&settings.path, Some(12345), Some(12345)).is_ok() {
        expected = 12345;
    }
    let store = Store::new(&settings);
    store.hand_over("id", &record(owner("office"), "first", 1)).expect("handed over");
    store.new_code("office", 1000.0).expect("a code");
    store.own().expect("free");
    let name = format!("{}.id.json", stem("office"));
    let code = format!("codes/{}.json", stem("office"));
    for path in ["handover", &format!("handover/{name}"), "codes", &code, "lock"] {
        assert_eq!(fs::metadata(settings.path.join(path)).expect("there").uid(), expected, "{path}");
    }
}

#[test]
fn links_and_pipes_that_somebody_planted_in_the_folder_lead_nowhere() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(folder.path());
    let (victim, elsewhere) = (folder.path().join("victim"), folder.path().join("elsewhere"));
    fs::write(&victim, "kept").expect("written");
    fs::set_permissions(&victim, fs::Permissions::from_mode(0o644)).expect("a mode");
    fs::create_dir(&elsewhere).expect("a folder");
    let tokens = folder.path().join("tokens");
    let name = stem("office");
    let written = [format!("{name}.json"), format!("handover/{name}.id.json"), format!("codes/{name}.json")];
    for name in &written {
        symlink(&victim, tokens.join(new(name))).expect("a link");
    }
    store.save(&record(owner("office"), "first", 1)).expect("saved");
    store.hand_over("id", &record(owner("office"), "first", 1)).expect("handed over");
    store.new_code("office", 1000.0).expect("a code");
    assert_eq!(fs::read_to_string(&victim).expect("text"), "kept");
    assert_eq!(fs::metadata(&victim).expect("there").permissions().mode() & 0o777, 0o644);
    for name in &written {
        assert!(fs::symlink_metadata(tokens.join(name)).expect("there").is_file(), "{name}");
    }
    let path = file(folder.path(), "office");
    fs::remove_file(&path).expect("removed");
    symlink(&victim, &path).expect("a link");
    let error = store.load(&owner("office")).expect_err("a link").to_string();
    assert!(error.contains("no regular file"), "{error}");
    fs::remove_file(&path).expect("removed");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().expect("mkfifo").success());
    let error = store.load(&owner("office")).expect_err("a pipe").to_string();
    assert!(error.contains("no regular file"), "{error}");
    fs::rename(tokens.join("handover"), folder.path().join("old")).expect("moved");
    symlink(&elsewhere, tokens.join("handover")).expect("a link");
    fs::set_permissions(&elsewhere, fs::Permissions::from_mode(0o700)).expect("a mode");
    let error = store.hand_over("id", &record(owner("office"), "first", 1)).expect_err("a link").to_string();
    assert!(error.contains("is no folder"), "{error}");
    // Also where it was put there between the check and the step.
    fs::write(elsewhere.join("there"), "kept").expect("written");
    let disk = Folder::new(&tokens);
    disk.write("new", b"").expect("written");
    for (step, result) in [
        ("write", disk.write("handover/x", b"").map(|()| 0)),
        ("read", disk.read("handover/there").map(|_| 0)),
        ("sync", disk.sync("handover/there").map(|()| 0)),
        ("rename", disk.rename("new", "handover/x").map(|()| 0)),
        ("remove", disk.remove("handover/there").map(|()| 0)),
        ("sync folder", disk.sync_folder("handover").map(|()| 0)),
        ("list", disk.list("handover").map(|names| names.len())),
    ] {
        let error = result.expect_err(step).to_string();
        assert!(error.contains("is no folder"), "{step}: {error}");
    }
    assert_eq!(fs::read_dir(&elsewhere).expect("a folder").count(), 1);
}

#[test]
fn what_was_handed_over_for_another_owner_waits_for_a_reload() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(folder.path());
    let mut reloaded = owner("office");
    reloaded.client_id.push('2');
    store.hand_over("id", &record(reloaded.clone(), "first", 1)).expect("handed over");
    for _ in 0..2 {
        let left = store.handed_over(&owner("office"), 1000.0);
        assert!(left.usable.is_empty() && left.unusable.is_none(), "{left:?}");
        assert!(left.notes.len() == 1 && left.notes[0].contains("it is left there"), "{left:?}");
    }
    let left = store.handed_over(&reloaded, 1000.0);
    assert!(left.usable.len() == 1 && left.notes.is_empty(), "{left:?}");
}

#[test]
fn what_cannot_be_read_of_what_was_handed_over_is_told_and_harms_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(folder.path());
    for id in ["broken", "good", "open"] {
        store.hand_over(id, &record(owner("office"), id, 1)).expect("handed over");
    }
    let path = |id: &str| folder.path().join(format!("tokens/handover/{}.{id}", stem("office")));
    fs::write(path("broken.json"), "{").expect("written");
    fs::set_permissions(path("open.json"), fs::Permissions::from_mode(0o644)).expect("a mode");
    // As another process begins it, which as root it does with a file of its own.
    fs::write(path("begun.json.new"), "").expect("written");
    fs::set_permissions(path("begun.json.new"), fs::Permissions::from_mode(0o600)).expect("a mode");
    fs::create_dir(path("strange.json.new")).expect("a folder");
    let left = store.handed_over(&owner("office"), 1000.0);
    assert_eq!(left.usable.len(), 1, "{left:?}");
    assert!(
        matches!(&left.unusable, Some(StoreError::TooOpen(named)) if *named == path("open.json")),
        "{left:?}"
    );
    let told = left.notes.join("\n");
    for said in ["broken.json is broken; it is kept as", "chmod 600", "strange.json.new", "it is left there"]
    {
        assert!(told.contains(said), "{said}: {told}");
    }
    assert_eq!(left.notes.len(), 3, "{told}");
}

#[test]
fn a_mistake_in_the_configuration_costs_no_refresh_token() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(folder.path());
    let (right, mut wrong) = (owner("office"), owner("office"));
    wrong.client_id.push('2');
    // The second mistake is as good as the first, and its own tokens are kept as well.
    for (serial, own) in [(4, None), (7, Some("other")), (9, Some("newer"))] {
        let token = format!("refresh-{serial}");
        store.save(&record(right.clone(), &token, serial)).expect("saved");
        let found = store.load(&wrong).expect("usable");
        assert_eq!(refresh(&found), own.filter(|own| *own == "newer").map(|_| "other"), "{serial}");
        if let Some(own) = own {
            store.save(&record(wrong.clone(), own, 1)).expect("saved");
        }
        let back = store.load(&right).expect("usable");
        assert_eq!(refresh(&back), Some(&*token));
        let told = back.notes.join("\n");
        assert!(told.contains("is in its place again"), "{told}");
        assert_eq!(back.record.expect("a record").serial, serial);
        assert!(store.load(&right).expect("usable").notes.is_empty(), "once");
    }
}

#[test]
fn of_many_files_aside_the_newest_that_can_be_read_and_is_ones_own_is_taken_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(folder.path());
    let aside = |name: &str| folder.path().join(format!("tokens/{}.json.aside-{name}", stem("office")));
    let put = |name: &str, at: f64, owner: Owner| {
        let mut record = record(owner, name, 1);
        record.chain.confirmed = Some(Confirmed { id: name.to_owned(), at, redirect_uri: None });
        fs::write(aside(name), seal::encode(&record, None)).expect("written");
        fs::set_permissions(aside(name), fs::Permissions::from_mode(0o600)).expect("a mode");
    };
    put("old", 1.0, owner("office"));
    put("newest", 3.0, owner("office"));
    put("middle", 2.0, owner("office"));
    put("foreign", 4.0, Owner { grant: "password".to_owned(), ..owner("office") });
    put("open", 5.0, owner("office"));
    fs::set_permissions(aside("open"), fs::Permissions::from_mode(0o644)).expect("a mode");
    fs::write(aside("broken"), "{").expect("written");
    assert_eq!(refresh(&store.load(&owner("office")).expect("usable")), Some("newest"));
    assert_eq!(asides(folder.path()), 5, "the others stay");
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
