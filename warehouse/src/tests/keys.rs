use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::world::hex;
use crate::keyfile::{KeyFile, KeyFileError};
use crate::{Installation, InstallationError, Purpose, WarehouseKey};

#[test]
fn a_key_is_private_and_reads_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let installation = Installation::init(folder.path().join("oslo")).expect("an installation");
    let path = installation.warehouse_key_path();
    let key = WarehouseKey::generate().expect("a key");
    key.save(&path).expect("saved");
    let mode = |path: &std::path::Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(&installation.keys_dir())), (0o600, 0o700));
    let again = WarehouseKey::load(&path).expect("loaded");
    assert_eq!((again.id(), again.epoch()), (key.id(), 1));
    let one = [7; 16];
    assert_eq!(again.pseudonym(Purpose::Person, &one), key.pseudonym(Purpose::Person, &one));
    assert!(matches!(key.save(&path), Err(KeyFileError::Exists(_))), "a key is never overwritten");
}

#[test]
fn a_key_others_can_read_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = folder.path().join("keys");
    let path = keys.join("warehouse.key");
    assert!(matches!(WarehouseKey::load(&path), Err(KeyFileError::Missing(_))));
    WarehouseKey::generate().expect("a key").save(&path).expect("saved");
    for (file, dir) in [(0o640, 0o700), (0o604, 0o700), (0o600, 0o750), (0o600, 0o701)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(file)).expect("permissions");
        fs::set_permissions(&keys, fs::Permissions::from_mode(dir)).expect("permissions");
        let error = WarehouseKey::load(&path).expect_err("exposed");
        assert!(matches!(error, KeyFileError::Exposed { .. }), "{error}");
    }
}

/// Puts a command in the place of a key file. It prints what the file held.
fn behind_a_command(path: &std::path::Path, script: &str) -> std::path::PathBuf {
    let elsewhere = path.with_extension("kept");
    if path.exists() {
        fs::rename(path, &elsewhere).expect("moved");
    }
    let place = path.with_extension("command");
    let script = script.replace("KEPT", elsewhere.to_str().expect("text"));
    fs::write(&place, format!("command = [\"sh\", \"-c\", '{script}']\n")).expect("written");
    fs::set_permissions(&place, fs::Permissions::from_mode(0o600)).expect("permissions");
    place
}

#[test]
fn a_key_comes_from_a_command_as_from_its_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys/warehouse.key");
    let key = WarehouseKey::generate().expect("a key");
    key.save(&path).expect("saved");
    let place = behind_a_command(&path, "cat KEPT");
    assert!(!path.exists() && crate::keyfile::exists(&path));
    let again = WarehouseKey::load(&path).expect("loaded");
    let one = [7; 16];
    assert_eq!(again.pseudonym(Purpose::Person, &one), key.pseudonym(Purpose::Person, &one));
    // It cannot be written there, and is never beside a file.
    assert!(matches!(key.save(&path), Err(KeyFileError::Elsewhere(_))));
    fs::copy(path.with_extension("kept"), &path).expect("copied");
    assert!(matches!(WarehouseKey::load(&path), Err(KeyFileError::FileAndCommand(_))));
    fs::remove_file(&path).expect("removed");
    // Whoever can write the command chooses what is run.
    fs::set_permissions(&place, fs::Permissions::from_mode(0o620)).expect("permissions");
    let error = WarehouseKey::load(&path).expect_err("exposed");
    assert!(matches!(&error, KeyFileError::Exposed { path, .. } if *path == place), "{error}");
}

#[test]
fn a_command_that_gives_no_key_is_refused_without_what_it_printed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys/warehouse.key");
    let file = KeyFile::generate(1).expect("a key");
    file.save(&path).expect("saved");
    let secret = hex(file.secret());
    for (script, said) in [
        ("cat KEPT; exit 3", "failed"),
        ("cat KEPT; yes", "more than a key file"),
        ("printf \"\\377\"", "no text"),
        ("sed s/secret/hidden/ KEPT", "is no key file"),
    ] {
        behind_a_command(&path, script);
        let error = WarehouseKey::load(&path).expect_err(script);
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(said) && !shown.contains(&secret[..8]), "{script}: {shown}");
    }
    for (text, said) in [
        ("command = []", "names no program"),
        ("command = [\"/no/such/program\"]", "cannot be started"),
        ("run = \"cat\"", "no TOML of the form"),
    ] {
        fs::write(path.with_extension("command"), text).expect("written");
        let error = WarehouseKey::load(&path).expect_err(text).to_string();
        assert!(error.contains(said), "{text}: {error}");
    }
}

#[test]
fn nothing_shows_the_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys/warehouse.key");
    let file = KeyFile::generate(3).expect("a key");
    file.save(&path).expect("saved");
    let secret = hex(file.secret());
    assert!(fs::read_to_string(&path).expect("text").contains(&secret));
    let key = WarehouseKey::load(&path).expect("loaded");
    let shown = format!("{file:?} {key:?}");
    assert!(shown.contains(&file.id) && !shown.contains(&secret[..8]), "{shown}");
    for bad in [secret[..62].to_owned(), format!("{}zz", &secret[..62])] {
        let text = fs::read_to_string(&path).expect("text").replace(&secret, &bad);
        fs::write(&path, text).expect("written");
        let error = WarehouseKey::load(&path).expect_err("no key");
        assert!(matches!(error, KeyFileError::Format(_)));
        assert!(!format!("{error} {error:?}").contains(&secret[..8]));
        file.save(&folder.path().join("keys/other.key")).ok();
        fs::copy(folder.path().join("keys/other.key"), &path).expect("restored");
    }
}

#[test]
fn purposes_and_keys_give_pseudonyms_of_their_own() {
    let (a, b) = (WarehouseKey::generate().expect("a key"), WarehouseKey::generate().expect("a key"));
    let one = [1; 16];
    let all = [
        a.pseudonym(Purpose::Person, &one),
        a.pseudonym(Purpose::Record, &one),
        b.pseudonym(Purpose::Person, &one),
        b.pseudonym(Purpose::Record, &one),
        one,
    ];
    for (at, this) in all.iter().enumerate() {
        assert!(!all[at + 1..].contains(this));
    }
}

#[test]
fn the_pseudonym_of_a_key_file_never_changes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys/warehouse.key");
    KeyFile::generate(1).expect("a key").save(&path).expect("saved");
    let text = format!(
        "id = \"00\"\nepoch = 1\ncreated = \"2025-01-01T00:00:00Z\"\nsecret = \"{}\"\n",
        "0f".repeat(32)
    );
    fs::write(&path, text).expect("written");
    let key = WarehouseKey::load(&path).expect("loaded");
    let derived = blake3::derive_key("skjerm warehouse person pseudonym v1", &[15; 32]);
    let expected = blake3::keyed_hash(&derived, &[9; 16]);
    assert_eq!(key.pseudonym(Purpose::Person, &[9; 16]), expected.as_bytes()[..16]);
}

#[test]
fn an_installation_is_made_once_and_found_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("oslo");
    let error = Installation::open(&root).expect_err("none yet");
    assert!(matches!(error, InstallationError::Missing(_)) && error.to_string().contains("skjerm init"));
    let made = Installation::init(&root).expect("made");
    fs::write(made.policy_path(), "edited").expect("edited");
    assert_eq!(Installation::init(&root).expect("again"), Installation::open(&root).expect("found"));
    assert_eq!(fs::read_to_string(made.policy_path()).expect("text"), "edited", "never overwritten");
}

#[test]
fn only_the_owner_gets_into_an_installation() {
    let folder = tempfile::tempdir().expect("a folder");
    let mode = |path: &std::path::Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    let allow = |path: &std::path::Path| {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("permissions");
    };
    let root = folder.path().join("above/oslo");
    let there = Installation::init(&root).expect("an installation");
    let private =
        [root.clone(), there.warehouse_dir(), there.quarantine_dir(), there.keys_dir(), there.spill_dir()];
    for path in &private {
        assert_eq!(mode(path), 0o700, "{}", path.display());
        allow(path);
    }
    Installation::open(&root).expect("found");
    assert!(private.iter().all(|path| mode(path) == 0o755), "opening changes no mode");
    Installation::init(&root).expect("again");
    assert!(private.iter().all(|path| mode(path) == 0o700));
    // A file is no folder, and keeps its mode.
    allow(&there.policy_path());
    assert!(Installation::init(there.policy_path()).is_err());
    assert_eq!(mode(&there.policy_path()), 0o755);
}

#[test]
fn a_missing_key_is_made_by_its_own_verb() {
    let folder = tempfile::tempdir().expect("a folder");
    let error = KeyFile::load(&folder.path().join("linking.key")).expect_err("no key").to_string();
    assert!(error.contains("`skjerm keys new`") && !error.contains("init"), "{error}");
}
