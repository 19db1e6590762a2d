//! Folders: who may look in, who owns what is written, and where no step leads.

use super::*;

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
    assert!(error.contains("not a regular file"), "{error}");
    fs::remove_file(&path).expect("removed");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().expect("mkfifo").success());
    let error = store.load(&owner("office")).expect_err("a pipe").to_string();
    assert!(error.contains("not a regular file"), "{error}");
    fs::rename(tokens.join("handover"), folder.path().join("old")).expect("moved");
    symlink(&elsewhere, tokens.join("handover")).expect("a link");
    fs::set_permissions(&elsewhere, fs::Permissions::from_mode(0o700)).expect("a mode");
    let error = store.hand_over("id", &record(owner("office"), "first", 1)).expect_err("a link").to_string();
    assert!(error.contains("is not a folder"), "{error}");
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
        assert!(error.contains("is not a folder"), "{step}: {error}");
    }
    assert_eq!(fs::read_dir(&elsewhere).expect("a folder").count(), 1);
}
