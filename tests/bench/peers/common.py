"""What every peer's script does: ask each question in each setting, and say how far the answers are from the truth."""

import argparse
import csv
import json
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
import data  # noqa: E402

EPSILON, DELTA = 1.0, 1e-6
# (EPSILON, DELTA) as zero-concentrated privacy, by the tight conversion.
RHO = 0.024356
MAX_MINUTES = 240
DEFAULT, THREE_TEN, ORACLE = "default", "3 groups, 10 rows", "oracle"
# How often each bound of an oracle's grid is tried before the best is measured anew.
SCAN = 2

PERSONS, PROFILE, CONTACTS, MINUTES, MONTHLY = data.QUESTIONS
BY = {
    PERSONS: ["district"],
    PROFILE: ["age_band", "gender", "belonging"],
    CONTACTS: ["district"],
    MINUTES: ["district"],
    MONTHLY: ["month", "district"],
}
# The groups of the setting "3 groups, 10 rows".
GROUPS = {PERSONS: 3, PROFILE: 1, CONTACTS: 3, MINUTES: 3, MONTHLY: 6}

Bound = dict[str, object]
Ask = Callable[[str, Bound], data.Answer]
# For each question and setting the bounds to try (the best counts), or why there is none.
Settings = dict[str, dict[str, list[Bound] | str]]


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def errors(answers: list[data.Answer], truth: data.Answer) -> dict[str, float]:
    """Root mean square error over cells and repeats, and its part that does not go away by repeating.

    A cell that an answer leaves out counts as 0. The square of the mean error holds a `repeats`-th of the noise's
    variance, which is taken out.
    """
    total, steady, noise, repeats = 0.0, 0.0, 0.0, len(answers)
    for cell, true in truth.items():
        missed = [answer.get(cell, 0.0) - true for answer in answers]
        mean = sum(missed) / repeats
        variance = sum((value - mean) ** 2 for value in missed) / max(1, repeats - 1)
        total += sum(value**2 for value in missed) / repeats
        steady += mean**2 - variance / repeats
        noise += variance
    cells = len(truth)
    return {
        "rmse": math.sqrt(total / cells),
        "bias": math.sqrt(max(0.0, steady / cells)),
        "noise": math.sqrt(noise / cells),
    }


def measure(peer: str, version: str, ask_of: Callable[[Path], Ask], settings: Settings) -> None:
    """Prints a JSON line a question and setting."""
    options = argparse.ArgumentParser(description=f"{peer}: the reference questions, as JSON lines")
    options.add_argument("folder", type=Path, help="the folder with persons.csv and contacts.csv")
    options.add_argument("--repeats", type=int, default=10)
    options.add_argument("--question", action="append", choices=list(data.QUESTIONS), help="only these")
    chosen = options.parse_args()
    ask, truth = ask_of(chosen.folder), data.truth(chosen.folder)
    for question, by_setting in settings.items():
        if chosen.question and question not in chosen.question:
            continue
        for setting, bounds in by_setting.items():
            line: dict[str, object] = {"peer": peer, "version": version, "question": question, "setting": setting}
            start = time.monotonic()
            try:
                line |= _measured(ask, question, bounds, truth[question], chosen.repeats)
            except Exception as error:  # noqa: BLE001 - whatever a peer says, the table says it too
                said = [text.strip() for text in str(error).splitlines() if text.strip()]
                line["none"] = f"{type(error).__name__}: {' '.join(said)[:200]}"
            line["seconds"] = round(time.monotonic() - start, 1)
            print(json.dumps(line, ensure_ascii=False), flush=True)


def _measured(ask: Ask, question: str, bounds: list[Bound] | str, truth: data.Answer, repeats: int) -> dict:
    if isinstance(bounds, str):
        return {"none": bounds}
    tried = []
    if len(bounds) > 1:
        for bound in bounds:
            found = errors([ask(question, bound) for _ in range(SCAN)], truth)["rmse"]
            tried.append([bound, round(found, 3)])
        best = min(tried, key=lambda one: one[1])[0]
    else:
        best = bounds[0]
    # Measured anew, so that a bound does not win by the luck of its draws.
    found = errors([ask(question, best) for _ in range(repeats)], truth)
    return {"bound": best, "repeats": repeats, **found, "tried": tried}
