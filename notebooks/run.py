"""Runs a notebook from start to end and fails where a cell fails.

    python notebooks/run.py notebooks/trend.ipynb [OUT.ipynb]
"""

import sys

import nbformat
from nbclient import NotebookClient

source = sys.argv[1]
notebook = nbformat.read(source, as_version=4)
NotebookClient(notebook, timeout=900, kernel_name="python3").execute()
if len(sys.argv) > 2:
    nbformat.write(notebook, sys.argv[2])
plots = sum("image/png" in output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", []))
print(f"{source}: {len(notebook.cells)} cells ran, {plots} plots")
