//! The forms in which people and applications write a list.

use super::*;

fn parsed(text: &str) -> Result<String, String> {
    let list = parse(text.as_bytes()).map_err(|e| e.to_string())?;
    Ok(list.ids.iter().map(|id| &**id).collect::<Vec<_>>().join(" "))
}

fn notes(text: &str) -> Vec<String> {
    parse(text.as_bytes()).expect("a list").notes
}

#[test]
fn every_form_of_csv_as_a_table() {
    for (text, ids) in [
        ("2001\n2000\n", "2000 2001"),
        ("extension\n2000\n", "2000"),
        ("Extension ID\r\n2000\r\n2001\r\n", "2000 2001"),
        ("\u{feff}extension;name\n2000;\"Reception; front\"\n0200;Office\n", "0200 2000"),
        ("name\tsip_account\nReception\t2000\n", "2000"),
        ("id,extension,secret\n1,2000,made-up\n2,2001,made-up\n", "2000 2001"),
        ("id,name\n2000,Reception\n", "2000"),
        ("2000,Reception\n2001,Office\n", "2000 2001"),
        ("2000, 2001,2002", "2000 2001 2002"),
        ("# accounts\n\n 2000 \n\n2001", "2000 2001"),
        ("sep=;\nextension;name\n=\"0200\";x\n'0300;y\n", "0200 0300"),
        ("alice\nbob\n", "alice bob"),
        ("Nebenstelle\n20\n21\n", "20 21"),
        ("extension,name\n", ""),
        ("extension", ""),
        ("extension\n2000.0\n2001.00\n\"2,002\"\n", "2000 2001 2002"),
        ("extension;name\n2000,0;a\n2.001;b\n", "2000 2001"),
        ("extension\n2,000\n2,001\n", "2000 2001"),
        ("extension\n'2000'\n\"\"\"2001\"\"\"\n\u{201c}2002\u{201d}\n2\u{202f}003\n", "2000 2001 2002 2003"),
        ("extension\n\u{200b}2000\u{a0}\n20\u{ad}01\u{feff}\n", "2000 2001"),
        ("extension,state,tech,name\n2000,,pjsip,\"A \"\"B\"\"\"\n", "2000"),
    ] {
        assert_eq!(parsed(text).as_deref(), Ok(ids), "{text:?}");
    }
}

#[test]
fn every_form_of_json_as_a_table() {
    for (text, ids) in [
        ("[]", ""),
        (r#"["2001", 2000, "0200"]"#, "0200 2000 2001"),
        (r#"[{"id": 1, "extension": "2000"}, {"extensionId": 2001}]"#, "2000 2001"),
        (r#"{"extensions": ["2000"]}"#, "2000"),
        (r#"[2000.0, "2001.0"]"#, "2000 2001"),
        (
            r#"{"current_page": 1, "data": [{"extension": "2000"}], "last_page": 1, "total": 1, "next_page_url": null}"#,
            "2000",
        ),
        (r#"{"count": 1, "next": null, "results": [{"extension": "2000"}]}"#, "2000"),
        (r#"{"sip_accounts": [{"sip_account": "2000", "password": "made-up"}]}"#, "2000"),
        (r#"{"2000": {"extension": "2000", "name": "x"}, "2001": {"name": "y"}}"#, "2000 2001"),
        (
            r#"{"data":{"fetchAllExtensions":{"status":true,"totalCount":1,"extension":[{"extensionId":"2000","tech":"pjsip"}]}}}"#,
            "2000",
        ),
        (
            r#"{"target":"office","total":1,"extensions":[{"id":"2000"}],"comparison":{"missing":["9"]}}"#,
            "2000",
        ),
        ("\u{feff}\n [2000]\n", "2000"),
        ("{}", ""),
    ] {
        assert_eq!(parsed(text).as_deref(), Ok(ids), "{text}");
    }
}

#[test]
fn what_is_no_list_says_so_and_repeats_nothing_of_it() {
    for (text, said) in [
        ("", "it is empty; to expect no extension at all, write []"),
        (" \n", "it is empty"),
        ("# nothing\n", "only comments"),
        ("[2000", "it is not valid JSON (line 1, column 5)"),
        (r#"{"canary": "canary"}"#, "has no list"),
        (r#"["2000", null]"#, "item 2 of its list has no id"),
        ("[1.5]", "item 1"),
        (r#"[{"password": "canary"}]"#, "item 1"),
        ("name,canary\nalice,1\n", "no column is named `extension`"),
        ("name,canary\n7,canary\n", "no column is named `extension`"),
        ("2000\ncanary canary\n", "line 2 has no valid id"),
    ] {
        let error = parsed(text).unwrap_err();
        assert!(error.contains(said) && !error.contains("canary"), "{text:?}: {error}");
    }
    assert!(parse(b"2000\n\xff").unwrap_err().to_string().contains("UTF-8"));
}

#[test]
fn what_was_made_of_a_list_is_told() {
    assert_eq!(notes("extension\n2000\n"), Vec::<String>::new());
    assert_eq!(notes("Nebenstelle\n20\n21\n"), ["line 1 is read as a header"]);
    assert_eq!(notes("2000,x\n2001,y\n"), ["there is no header; the first column is used"]);
    assert_eq!(notes("extension,name\n2000,x\n,y\n"), ["line 3 has no id and is skipped"]);
    assert_eq!(notes("2000\n2000\n2000\n2001\n"), ["given more than once, counted once: 2000"]);
    assert_eq!(
        notes("[\"0200\", \"200\"]"),
        ["given with and without leading zeros, which are different ids: 0200"]
    );
    let many = "0\n1\n2\n3\n4\n5\n6\n7\n".repeat(2);
    assert_eq!(notes(&many), ["given more than once, counted once: 0, 1, 2, 3, 4 and 3 more"]);
}

#[test]
fn a_file_that_cannot_be_read_says_which_and_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("accounts.csv");
    let error = read_file(&path).unwrap_err().to_string();
    assert!(error.starts_with("failed to read ") && error.contains("accounts.csv: No such file"), "{error}");
    assert!(read_file(folder.path()).unwrap_err().to_string().contains("it is not a regular file"));
    std::fs::write(&path, "").unwrap();
    assert!(read_file(&path).unwrap_err().to_string().contains("accounts.csv: it is empty"));
    std::fs::write(&path, "2000\n").unwrap();
    assert_eq!(*ids(&Expected::File(path)).unwrap(), [Id::from("2000")]);
    let endless = std::io::repeat(b'2');
    assert!(read(endless).unwrap_err().to_string().contains("larger than 16 MiB"));
}

#[test]
fn one_page_of_several_is_no_list() {
    for text in [
        r#"{"current_page": 1, "data": [{"extension": "2000"}], "last_page": 3, "total": 1}"#,
        r#"{"data": [{"extension": "2000"}], "meta": {"total": 250}}"#,
        r#"{"count": 250, "next": "https://portal.example.com/?page=2", "results": [{"extension": "2000"}]}"#,
        r#"{"next_page_token": "made-up", "users": [{"extension": "2000"}]}"#,
        r#"{"data":{"fetchAllExtensions":{"totalCount":2,"extension":[{"extensionId":"2000"}]}}}"#,
    ] {
        let error = parsed(text).expect_err(text);
        assert!(error.contains("one page, with 1 of more") && !error.contains("made-up"), "{error}");
    }
}

#[test]
fn numbers_of_spreadsheets_that_have_lost_something_are_reported() {
    let error = parsed("2,000\n2,001\n").expect_err("two readings");
    assert!(error.contains("write 2000, or a header"), "{error}");
    assert_eq!(parsed("100,200\n101,200\n").as_deref(), Ok("100 101"));
    let notes = notes("extension\n4.93E+10\n");
    assert!(notes[0].contains("digits are lost: 4.93E+10"), "{notes:?}");
}
