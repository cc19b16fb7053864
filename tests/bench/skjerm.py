"""Skjerm, asked as anybody asks it: through its command line. Every repeat asks a copy of the installation."""

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from data import QUESTIONS, YEAR, Answer

PERSONS, PROFILE, CONTACTS, MINUTES, MONTHLY = QUESTIONS
SQL = {
    PERSONS: "select service, count(distinct person) as value from contact where year = {year} group by service",
    PROFILE: "select age_band, gender, belonging, count(distinct person) as value from person_year where year = {year} "
    "group by age_band, gender, belonging",
    CONTACTS: "select service, count(*) as value from contact where year = {year} group by service",
    MINUTES: "select service, sum(minutes) as value from contact where year = {year} group by service",
    MONTHLY: "select month, service, count(distinct person) as value from contact where year = {year} "
    "group by month, service",
}


class Skjerm:
    """An installation that has read the export, and was asked nothing yet."""

    def __init__(self, binary: Path, folder: Path) -> None:
        self.binary, self.dir = binary, folder / "installation"
        shutil.rmtree(self.dir, ignore_errors=True)
        self._run(self.dir, ["init"])
        self._run(self.dir, ["keys", "new"])
        report = self._run(self.dir, ["ingest", "--source", "soma", str(folder / f"soma_{YEAR}.csv")])
        assert report["loaded"] == report["read"], report

    def _run(self, folder: Path, arguments: Sequence[str]) -> dict:
        command = [str(self.binary), "--dir", str(folder), "--format", "json", *arguments]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if ran.returncode:
            raise RuntimeError(f"skjerm {arguments[0]}: exit code {ran.returncode}: {ran.stdout}{ran.stderr}")
        return json.loads(ran.stdout)

    def ask(self, question: str, epsilon: float) -> tuple[Answer, float, float]:
        """The answer, the half-width of its intervals (the widest), and the norm that persons were scaled to (or 1).

        The same question gets the same answer, so each is asked of a copy that was asked nothing.
        """
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "installation"
            shutil.copytree(self.dir, copy)
            copy.chmod(0o700)
            said = self._run(copy, ["query", SQL[question].format(year=YEAR), "--epsilon", str(epsilon)])
        privacy = said["privacy"]
        assert privacy["charged"] and privacy["delta"] <= 1e-6 and privacy["epsilon"] <= epsilon + 1e-9, privacy
        at = said["columns"].index("value")
        answer = {tuple(map(str, row[:at])): float(row[at]) for row in said["rows"]}
        half = max((high - low) / 2 for low, high in said["intervals"]["value"])
        norm = re.search(r"longer than ([\d.]+)", " ".join(said["notes"]))
        return answer, half, float(norm[1]) if norm else 1.0
