//! Comparisons that were made public: `scenes/FIRST_SECOND.json` in the installation.
//!
//! Asking for a comparison does not publish it: whoever asks decides. Publishing costs nothing, since all that is written is noised
//! and paid for already. The dashboard shows what is here.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use skjerm_warehouse::Installation;

use super::SceneComparison;
use crate::error::FiguresError;

const FOLDER: &str = "scenes";

/// Makes a comparison public; one of the same campaigns that is there is replaced.
pub fn publish(installation: &Installation, comparison: &SceneComparison) -> Result<PathBuf, FiguresError> {
    let folder = installation.root().join(FOLDER);
    for code in [&comparison.a.code, &comparison.b.code] {
        if !is_code(code) {
            return Err(FiguresError::Fault(
                "a campaign's code holds more than letters, digits and hyphens".to_owned(),
            ));
        }
    }
    let path = folder.join(format!("{}_{}.json", comparison.a.code, comparison.b.code));
    let text = serde_json::to_string_pretty(comparison)
        .map_err(|error| FiguresError::Fault(format!("the comparison cannot be written: {error}")))?;
    // Whole or not at all: a reader never meets half a file.
    let work = path.with_extension(format!("{}.part", std::process::id()));
    let written = fs::create_dir_all(&folder).and_then(|()| {
        let mut file = fs::File::create(&work)?;
        file.write_all(text.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(&work, &path)
    });
    written.map_err(|source| FiguresError::Disk { action: "write", path: path.clone(), source })?;
    Ok(path)
}

/// All public comparisons, those of the latest campaigns first.
pub fn published(installation: &Installation) -> Result<Vec<SceneComparison>, FiguresError> {
    let folder = installation.root().join(FOLDER);
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| FiguresError::Disk { action: "read", path, source }
    };
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(failed(&folder)(source)),
    };
    let mut comparisons = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed(&folder))?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let text = fs::read_to_string(&path).map_err(failed(&path))?;
            let comparison: SceneComparison = serde_json::from_str(&text).map_err(|error| {
                FiguresError::Damaged { path: path.clone(), problem: format!("it cannot be read ({error})") }
            })?;
            comparisons.push(comparison);
        }
    }
    comparisons.sort_by(|x, y| (&y.b.code, &y.a.code).cmp(&(&x.b.code, &x.a.code)));
    Ok(comparisons)
}

fn is_code(code: &str) -> bool {
    !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::{Campaign, SceneCell};
    use crate::text::Text;

    fn comparison(a: &str, b: &str) -> SceneComparison {
        let campaign = |code: &str| Campaign {
            code: code.to_owned(),
            label: Text::new(code, code),
            answer: "x".to_owned(),
            rho: 0.1,
            rounds: Vec::new(),
        };
        let total = SceneCell {
            area: None,
            shift: None,
            label: Text::new("alle", "all"),
            a: None,
            b: None,
            difference: None,
            ratio: None,
            distinguishable: false,
            sentence: Text::new("", ""),
        };
        SceneComparison {
            a: campaign(a),
            b: campaign(b),
            total,
            shifts: Vec::new(),
            areas: Vec::new(),
            cells: Vec::new(),
            summary: Text::new("", ""),
            notes: Vec::new(),
        }
    }

    #[test]
    fn what_is_published_is_read_back_latest_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let installation = Installation::init(folder.path().join("inst")).expect("an installation");
        assert!(published(&installation).expect("reads").is_empty());
        let early = comparison("2023-summer", "2024-summer");
        let late = comparison("2024-summer", "2025-summer");
        for one in [&early, &late, &late] {
            publish(&installation, one).expect("publishes");
        }
        assert_eq!(published(&installation).expect("reads"), [late, early]);
    }

    #[test]
    fn a_code_is_never_a_path() {
        let folder = tempfile::tempdir().expect("a folder");
        let installation = Installation::init(folder.path().join("inst")).expect("an installation");
        assert!(publish(&installation, &comparison("../x", "2024-summer")).is_err());
    }
}
