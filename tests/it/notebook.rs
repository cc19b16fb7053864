//! The researcher's notebook runs from start to end.

use std::process::Command;

use crate::support::{binary, root};

#[test]
fn the_notebook_runs_from_start_to_end() {
    let python = root().join("target/venv/bin/python");
    let python = std::env::var_os("SKJERM_PYTHON").map_or(python, Into::into);
    assert!(python.exists(), "the Python environment is missing: tests/run makes it");
    let output = Command::new(python)
        .current_dir(root())
        .args(["notebooks/run.py", "notebooks/trend.ipynb"])
        .env("SKJERM", binary())
        .env("SKJERM_NOTEBOOK_PERSONS", "600")
        .env("MPLBACKEND", "module://matplotlib_inline.backend_inline")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("2 plots"), "{said}");
}
