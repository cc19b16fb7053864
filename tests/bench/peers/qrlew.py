"""pyqrlew, its SQL run by DuckDB. `--declared` lists the keys as public values; without it they are text, as read.

Its bound is `max_multiplicity`: a person's vector is scaled to an L2 norm of at most so many rows. Its default is 100.
"""

import sys
from importlib.metadata import version
from pathlib import Path

import duckdb
import pandas as pd
import pyqrlew
from common import (
    BY, CONTACTS, DEFAULT, DELTA, EPSILON, GROUPS, MAX_MINUTES, MINUTES, MONTHLY, ORACLE, PERSONS, PROFILE,
    THREE_TEN, Ask, Bound, Settings, measure,
)  # fmt: skip
from data import Answer, cells
from sqlalchemy import create_engine

DECLARED = "--declared" in sys.argv


def sql(question: str) -> str:
    by = ", ".join(BY[question])
    if question == PROFILE:
        return f"SELECT {by}, COUNT(*) AS value FROM persons GROUP BY {by}"
    if question in (PERSONS, MONTHLY):
        # It counts rows for COUNT(DISTINCT person): whoever asks has to make them distinct.
        return f"SELECT {by}, COUNT(*) AS value FROM (SELECT DISTINCT person, {by} FROM contacts) AS d GROUP BY {by}"
    value = "SUM(minutes)" if question == MINUTES else "COUNT(*)"
    return f"SELECT {by}, {value} AS value FROM contacts GROUP BY {by}"


def ask_of(folder: Path) -> Ask:
    frames = {
        name: pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False) for name in ("persons", "contacts")
    }
    frames["contacts"]["minutes"] = frames["contacts"]["minutes"].astype(int)
    # SQLite for the schema alone: DuckDB is not among the databases that it reads one of.
    engine = create_engine("sqlite://")
    database = duckdb.connect(config={"threads": 1})
    database.execute("SELECT setseed(0.5)").fetchall()
    for name, frame in frames.items():
        frame.to_sql(name, engine, index=False)
        database.register(f"{name}_frame", frame)
        database.execute(f"CREATE TABLE {name} AS SELECT * FROM {name}_frame").fetchall()
    dataset = pyqrlew.Dataset.from_database(name="bench", engine=engine)
    dataset = dataset.with_range(None, "contacts", "minutes", 0, MAX_MINUTES)
    dataset = dataset.with_constraint(None, "persons", "person", pyqrlew.Dataset.CONSTRAINT_UNIQUE)
    if DECLARED:
        for question, table in ((PROFILE, "persons"), (MONTHLY, "contacts")):
            for at, column in enumerate(BY[question]):
                values = sorted({cell[at] for cell in cells(question)})
                dataset = dataset.with_possible_values(None, table, column, values)
    unit = [("contacts", [], "person"), ("persons", [], "person")]

    def ask(question: str, bound: Bound) -> Answer:
        private = dataset.relation(sql(question)).rewrite_with_differential_privacy(
            dataset, unit, {"epsilon": EPSILON, "delta": DELTA}, **bound
        )
        text = private.relation().to_query()
        rows = database.execute(text).fetchall()
        return {tuple(map(str, row[:-1])): float(row[-1]) for row in rows}

    return ask


def settings() -> Settings:
    tuned = {
        PERSONS: [1, 2, 3, 4],
        PROFILE: [1],
        CONTACTS: [10, 20, 30, 40, 50, 60, 75, 90, 120],
        MINUTES: [8, 12, 16, 20, 25, 30, 37, 45, 60],
        MONTHLY: [2, 3, 4, 5, 6, 7, 8],
    }
    result: Settings = {}
    for question in BY:
        bounds = [{"max_multiplicity": float(rows), "max_multiplicity_share": 1.0} for rows in tuned[question]]
        if not DECLARED:
            # How many groups a person can be in decides which keys are found.
            bounds = [bound | {"max_privacy_unit_groups": groups} for bound in bounds for groups in (1, 3, 16)]
        three_ten = {"max_multiplicity": 10.0, "max_multiplicity_share": 1.0}
        three_ten["max_privacy_unit_groups"] = GROUPS[question]
        result[question] = {DEFAULT: [{}], THREE_TEN: [three_ten], ORACLE: bounds}
    return result


if __name__ == "__main__":
    if DECLARED:
        sys.argv.remove("--declared")
    measure(f"pyqrlew{', keys declared' if DECLARED else ''}", version("pyqrlew"), ask_of, settings())
