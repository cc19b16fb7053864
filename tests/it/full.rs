//! A disk without room, and folders that cannot be written: one clear sentence, and nothing lost.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::keep::{WHOLE, soma};
use crate::support::{Ran, binary, city, copy_folder, ingest, json, ran};

/// The city with three persons more, one of whom is to go, and a list, a delivery and reference data to come.
struct Work {
    folder: TempDir,
}

impl Work {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let work = Self { folder };
        copy_folder(&city().dir, &work.dir(), &|_| true);
        ingest(&work.dir(), "soma", &[soma(work.folder.path())]).ok();
        std::fs::write(work.folder.path().join("liste.csv"), WHOLE).unwrap();
        std::fs::write(
            work.folder.path().join("senere_SYNTETISK.csv"),
            "Registreringsnr;Klientnr;Fødselsnummer;Fornavn;Etternavn;Fødselsdato;Kjønn;Dato;Enhet;Registreringstype\n\
             9;K9;;Kari;Diktet;03.03.2006;Jente;06.05.2023;Uteseksjonen;Kontakt\n",
        )
        .unwrap();
        work
    }

    fn dir(&self) -> PathBuf {
        self.folder.path().join("installation")
    }

    /// What a steward does that writes to the warehouse, each with its arguments.
    fn verbs(&self) -> Vec<Vec<String>> {
        let file = |name: &str| self.folder.path().join(name).display().to_string();
        let words = |text: &str| text.split(' ').map(ToOwned::to_owned).collect::<Vec<_>>();
        vec![
            [words("ingest --source soma"), vec![file("senere_SYNTETISK.csv")]].concat(),
            [words("warehouse erase"), vec![file("liste.csv")], words("--reason krav")].concat(),
            words("keys rotate --reason lekkasje"),
        ]
    }

    /// Every row of every table, and whether all of it is sound.
    fn state(&self) -> Value {
        let check = json(&self.dir(), &["warehouse", "check"]).ok().json();
        json(&self.dir(), &["budget", "verify"]).ok();
        check["rows"].clone()
    }
}

/// A folder with all files and folders below it.
fn all_below(folder: &Path) -> Vec<PathBuf> {
    let mut all = vec![folder.to_path_buf()];
    let mut at = 0;
    while at < all.len() {
        if all[at].is_dir() {
            all.extend(std::fs::read_dir(&all[at]).unwrap().map(|entry| entry.unwrap().path()));
        }
        at += 1;
    }
    all
}

/// The command in which no file can grow beyond so many blocks of 512 bytes: a write fails as on a full disk.
fn with_room(blocks: u32, dir: &Path, arguments: &[String]) -> Ran {
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script, "sh"]).arg(binary());
    ran(command.arg("--dir").arg(dir).args(["--format", "json"]).args(arguments).output().unwrap())
}

#[test]
fn a_disk_without_room_is_said_and_nothing_is_lost() {
    let work = Work::new();
    for arguments in work.verbs() {
        let before = work.state();
        let mut told = 0;
        // The ledger's files have some 150 blocks, those of contacts more than 200.
        for blocks in [160, 190, 220] {
            let tried = with_room(blocks, &work.dir(), &arguments);
            if tried.code == 0 {
                break;
            }
            let error = tried.error(1);
            let text = error.to_string();
            assert!(text.contains("warehouse/") && text.contains("arge"), "{arguments:?} {blocks}: {error}");
            assert!(text.contains("make room there and run the same command again"), "{error}");
            assert!(
                !error["message"].as_str().unwrap().contains('\n') && !text.contains("01810750126"),
                "{error}"
            );
            told += 1;
            assert_eq!(work.state(), before, "{arguments:?} {blocks}");
        }
        assert!(told > 0, "{arguments:?}: no write to the warehouse failed");
        json(&work.dir(), &arguments).ok();
        assert_ne!((work.state(), arguments[0] == "keys"), (before, false), "{arguments:?}");
    }
}

#[test]
fn folders_that_cannot_be_written_are_said_and_nothing_is_lost() {
    let work = Work::new();
    // The superuser may write anywhere, so then the command runs as nobody in particular, who owns everything here.
    let nobody = (std::fs::metadata("/proc/self").unwrap().uid() == 0).then_some(65_534);
    let program = work.folder.path().join("skjerm");
    if std::fs::hard_link(binary(), &program).is_err() {
        std::fs::copy(binary(), &program).unwrap();
    }
    let folders = |mode: u32| {
        for path in all_below(&work.dir().join("warehouse")).iter().filter(|path| path.is_dir()) {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    let run = |arguments: &[String]| {
        let mut command = Command::new(&program);
        command.arg("--dir").arg(work.dir()).args(["--format", "json"]).args(arguments);
        if let Some(nobody) = nobody {
            for path in all_below(work.folder.path()).iter().filter(|path| **path != program) {
                chown(path, Some(nobody), Some(nobody)).unwrap();
            }
            command.uid(nobody).gid(nobody);
        }
        ran(command.output().unwrap())
    };
    let check = ["warehouse", "check"].map(ToOwned::to_owned);
    let status = ["warehouse", "status"].map(ToOwned::to_owned);
    for arguments in work.verbs() {
        let before = run(&check).ok().json()["rows"].clone();
        folders(0o500);
        let error = run(&arguments).error(1);
        let text = error.to_string();
        assert!(text.contains("ermission denied") && text.contains("warehouse"), "{arguments:?}: {error}");
        assert!(text.contains("as the user that owns the installation"), "{arguments:?}: {error}");
        // What only reads still does.
        run(&status).ok();
        assert_eq!(run(&check).ok().json()["rows"], before, "{arguments:?}");
        folders(0o700);
        assert_eq!(run(&check).ok().json()["rows"], before, "{arguments:?}");
        run(&arguments).ok();
    }
}
