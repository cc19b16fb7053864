"""smartnoise-sql. Its bound is `max_ids`: so many rows of a person are drawn, from whatever groups. Its default is 1.

The price is a statistic's, not a question's: epsilon is divided by what it says that the question costs.
"""

import warnings
from importlib.metadata import version
from pathlib import Path

import pandas as pd
from common import (
    BY, CONTACTS, DEFAULT, DELTA, EPSILON, GROUPS, MAX_MINUTES, MINUTES, MONTHLY, ORACLE, PERSONS, PROFILE,
    THREE_TEN, Ask, Bound, Settings, measure,
)  # fmt: skip
from data import Answer
from snsql import Privacy, from_connection

warnings.filterwarnings("ignore")


def ask_of(folder: Path) -> Ask:
    frames = {
        name: pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False) for name in ("persons", "contacts")
    }
    # "month" is a word of its SQL.
    frames["contacts"] = frames["contacts"].rename(columns={"month": "month_number"})
    frames["contacts"]["minutes"] = frames["contacts"]["minutes"].astype(int)

    def ask(question: str, bound: Bound) -> Answer:
        by = [{"month": "month_number"}.get(column, column) for column in BY[question]]
        frame = frames["persons" if question == PROFILE else "contacts"]
        if bound["distinct"]:
            # It draws rows before it counts: whoever asks has to make persons distinct.
            frame = frame[["person", *by]].drop_duplicates()
        table: dict[str, object] = {"max_ids": bound["max_ids"], "censor_dims": bound["censor_dims"]}
        for name in frame.columns:
            table[name] = {"type": "string"}
        table["person"] = {"type": "string", "private_id": True}
        if "minutes" in frame:
            table["minutes"] = {"type": "int", "lower": 0, "upper": MAX_MINUTES}
        metadata = {"": {"bench": {"rows": table}}}
        value = {CONTACTS: "COUNT(*)", MINUTES: "SUM(minutes)"}.get(question, "COUNT(DISTINCT person)")
        keys = ", ".join(by)
        sql = f"SELECT {keys}, {value} AS value FROM bench.rows GROUP BY {keys}"
        price = EPSILON
        for _ in range(2):
            reader = from_connection(frame, privacy=Privacy(epsilon=price, delta=DELTA), metadata=metadata)
            price *= EPSILON / reader.get_privacy_cost(sql)[0]
        assert abs(reader.get_privacy_cost(sql)[0] - EPSILON) < 1e-6
        _, *rows = reader.execute(sql)
        return {tuple(map(str, row[:-1])): float(row[-1]) for row in rows}

    return ask


def settings() -> Settings:
    tuned = {
        PERSONS: [6, 9, 12, 16],
        PROFILE: [1],
        CONTACTS: [50, 80, 110, 140, 170, 210],
        MINUTES: [50, 80, 110, 140, 170, 210],
        MONTHLY: [9, 12, 16, 22, 30, 45],
    }

    def bounds(question: str, max_ids: list[int], distinct: bool, censored: list[bool]) -> list[Bound]:
        distinct = distinct and question in (PERSONS, MONTHLY)
        return [{"max_ids": ids, "distinct": distinct, "censor_dims": c} for ids in max_ids for c in censored]

    result: Settings = {}
    for question in BY:
        rows = GROUPS[question] * (10 if question in (CONTACTS, MINUTES) else 1)
        result[question] = {
            DEFAULT: bounds(question, [1], False, [True]),
            THREE_TEN: bounds(question, [rows], True, [True]),
            # Without censoring the keys must be public; nothing is left out, and contacts and minutes cost half.
            ORACLE: bounds(question, tuned[question], True, [False]),
        }
    return result


if __name__ == "__main__":
    measure("smartnoise-sql", version("smartnoise-sql"), ask_of, settings())
