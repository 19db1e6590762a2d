//! What is broken, of somebody else, half written or unreadable: kept, reported, and used again.

use super::*;

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
        assert!(told.contains("is in use again"), "{told}");
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
