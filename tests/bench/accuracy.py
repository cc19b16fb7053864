"""How far answers are from the truth: Skjerm beside its peers, on the same SYNTHETIC data at the same price.

    python tests/bench/accuracy.py --skjerm target/release/skjerm

makes the data, an environment a peer (from requirements.txt), asks, and prints a table. `--help` says the rest.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
import venv
from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent
sys.dont_write_bytecode = True  # nothing is left beside the sources
sys.path[:0] = [str(HERE), str(HERE / "peers")]
from common import DEFAULT, EPSILON, ORACLE, THREE_TEN, errors  # noqa: E402
from data import QUESTIONS, make, truth  # noqa: E402
from skjerm import Skjerm  # noqa: E402

# The script of each peer, its arguments, and its heading in requirements.txt.
PEERS = {
    "tumult": ("tumult.py", [], "tumult"),
    "smartnoise": ("smartnoise.py", [], "smartnoise"),
    "opendp": ("opendp_polars.py", [], "opendp"),
    "qrlew": ("qrlew.py", [], "qrlew"),
    "qrlew-declared": ("qrlew.py", ["--declared"], "qrlew"),
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--skjerm", type=Path, help="the command; without it Skjerm's kept results are used")
    work = HERE.parent.parent / "target" / "accuracy"
    options.add_argument("--work", type=Path, default=work, help="where data and environments are made")
    options.add_argument("--results", type=Path, default=HERE / "results", help="where the results are kept")
    options.add_argument("--peer", action="append", choices=list(PEERS), help="ask these peers only")
    options.add_argument("--no-peers", action="store_true", help="use the peers' kept results")
    options.add_argument("--repeats", type=int, default=10, help="of each peer's question and setting")
    options.add_argument("--own-repeats", type=int, default=100, help="of each of Skjerm's questions")
    chosen = options.parse_args()
    data, results = chosen.work / "data", chosen.results
    results.mkdir(parents=True, exist_ok=True)
    made = make(data)
    say(f"SYNTHETIC: {', '.join(f'{name} {number}' for name, number in made.items())}")
    if chosen.skjerm:
        write(results / "skjerm.jsonl", ask_skjerm(chosen.skjerm.resolve(), data, chosen.own_repeats))
    for name in [] if chosen.no_peers else chosen.peer or PEERS:
        say(f"asking {name}")
        write(results / f"{name}.jsonl", ask_peer(name, chosen.work, data, chosen.repeats))
    kept = [file.read_text(encoding="utf-8").splitlines() for file in sorted(results.glob("*.jsonl"))]
    print(table([json.loads(line) for lines in kept for line in lines]))


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def write(path: Path, lines: list[dict]) -> None:
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")


def ask_skjerm(binary: Path, data: Path, repeats: int) -> list[dict]:
    installed, true, lines = Skjerm(binary, data), truth(data), []
    for question in QUESTIONS:
        start = time.monotonic()
        asked = [installed.ask(question, EPSILON) for _ in range(repeats)]
        # The part of the error that the intervals own up to: a 95 % half-width is 1.96 standard deviations.
        stated = (sum((half / 1.96) ** 2 for _, half, _ in asked) / repeats) ** 0.5
        lines.append(
            {
                "peer": "Skjerm", "question": question, "setting": "as shipped", "repeats": repeats,
                **errors([answer for answer, _, _ in asked], true[question]), "stated": stated,
                "norms": dict(sorted(Counter(norm for _, _, norm in asked).items())),
                "seconds": round(time.monotonic() - start, 1),
            }
        )  # fmt: skip
        say(f"Skjerm, {question}: {lines[-1]['rmse']:.3g}, of it bias {lines[-1]['bias']:.3g}, stated {stated:.3g}")
    return lines


def ask_peer(name: str, work: Path, data: Path, repeats: int) -> list[dict]:
    script, arguments, heading = PEERS[name]
    python = environment(work / f"venv-{heading}", heading)
    command = [str(python), str(HERE / "peers" / script), *arguments, str(data), "--repeats", str(repeats)]
    # One thread each: what is measured here is error, not time.
    quiet = {"POLARS_MAX_THREADS": "1", "PYTHONWARNINGS": "ignore", "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(  # noqa: S603
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, env=os.environ | quiet
    )
    if ran.returncode:
        raise RuntimeError(f"{name} ended with {ran.returncode}:\n{ran.stderr[-3000:]}")
    return [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]


def environment(folder: Path, heading: str) -> Path:
    """A virtual environment with the packages below `# [heading]`: the peers' own requirements exclude each other."""
    python = folder / "bin" / "python"
    text = (HERE / "requirements.txt").read_text(encoding="utf-8")
    wanted = text.split(f"# [{heading}]\n")[1].split("# [")[0]
    packages = re.findall(r"^[^#\s].*$", wanted, re.MULTILINE)
    stamp = folder / "installed.txt"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != "\n".join(packages):
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *packages], check=True)  # noqa: S603
        stamp.write_text("\n".join(packages), encoding="utf-8")
    return python


def table(lines: list[dict]) -> str:
    found = {(line["peer"], line["setting"], line["question"]): line for line in lines}
    rows = sorted({(line["peer"], line["setting"]) for line in lines}, key=lambda row: (row[0] != "Skjerm", row))
    out = ["| | setting | " + " | ".join(QUESTIONS.values()) + " |", "|---" * (2 + len(QUESTIONS)) + "|"]
    reasons = []
    for peer, setting in rows:
        own, cells = peer == "Skjerm", []
        for question in QUESTIONS:
            line = found.get((peer, setting, question), {"none": "not asked"})
            cells.append("–" if "none" in line else ("**{}**" if own else "{}").format(number(line["rmse"])))
            if "none" in line and (reason := f"{peer}, {setting}: {line['none']}") not in reasons:
                reasons.append(reason)
        if any(cell != "–" for cell in cells):
            out.append(f"| {peer} | {setting} | " + " | ".join(cells) + " |")
    for label, settings in (("default or 3 groups, 10 rows", (DEFAULT, THREE_TEN)), ("oracle", (ORACLE,))):
        ratios = " | ".join(ratio(found, question, settings) for question in QUESTIONS)
        out.append(f"| Skjerm ÷ the best peer | {label} | {ratios} |")
    out += ["", *(f"- {reason}" for reason in reasons), ""]
    out.append("| Skjerm's error | all of it | what stays (the bound) | what varies | what the intervals state |")
    out.append("|---" * 5 + "|")
    for question, label in QUESTIONS.items():
        if line := found.get(("Skjerm", "as shipped", question)):
            parts = " | ".join(number(line[part]) for part in ("rmse", "bias", "noise", "stated"))
            out.append(f"| {label} | {parts} |")
    return "\n".join(out)


def ratio(found: dict, question: str, settings: tuple[str, ...]) -> str:
    own = found.get(("Skjerm", "as shipped", question))
    others = [
        (line["rmse"], line["peer"])
        for (peer, setting, asked), line in found.items()
        if peer != "Skjerm" and asked == question and setting in settings and "rmse" in line
    ]
    if not own or not others:
        return "–"
    best, peer = min(others)
    return f"{own['rmse'] / best:.2f} ({peer})"


def number(value: float) -> str:
    """Three figures that count, without an exponent."""
    if value < 100:
        return f"{value:.3g}"
    digits = len(str(int(value))) - 3
    return f"{round(value, -digits):,.0f}"


if __name__ == "__main__":
    main()
