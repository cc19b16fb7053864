"""tmlt.analytics, on Spark. It has no default bounds: constraints must be enforced before it answers."""

import math
import os
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

from common import (
    BY, CONTACTS, DEFAULT, EPSILON, GROUPS, MAX_MINUTES, MINUTES, MONTHLY, ORACLE, PERSONS, PROFILE, RHO, THREE_TEN,
    Ask, Bound, Settings, measure, read,
)  # fmt: skip
from data import Answer, cells
from pyspark.sql import SparkSession
from tmlt.analytics import (
    AddOneRow, AddRowsWithID, KeySet, MaxGroupsPerID, MaxRowsPerGroupPerID, MaxRowsPerID, PureDPBudget, QueryBuilder,
    RhoZCDPBudget, Session,
)  # fmt: skip

warnings.filterwarnings("ignore")


def ask_of(folder: Path) -> Ask:
    # The workers must find the same packages.
    os.environ["PYSPARK_PYTHON"] = sys.executable
    spark = SparkSession.builder.master("local[1]").config("spark.sql.shuffle.partitions", 2)
    spark = spark.config("spark.ui.showConsoleProgress", False).getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    tables = {}
    for name in ("persons", "contacts"):
        rows: list[dict[str, object]] = []
        for row in read(folder / f"{name}.csv"):
            # A constraint on groups names one column: a cell is one text.
            by = BY[PROFILE if name == "persons" else MONTHLY]
            rows.append(row | {"cell": ",".join(row[column] for column in by)})
            if "minutes" in row:
                rows[-1]["minutes"] = int(row["minutes"])
        tables[name] = spark.createDataFrame(rows).cache()

    def ask(question: str, bound: Bound) -> Answer:
        normal = bound["noise"] == "Gaussian"
        budget = RhoZCDPBudget if normal else PureDPBudget
        by = "district" if BY[question] == ["district"] else "cell"
        profile = question == PROFILE
        session = Session.from_dataframe(
            # A new session would cost seconds: the limit of this one is never reached, each question has its price.
            privacy_budget=budget(math.inf),
            source_id="rows",
            dataframe=tables["persons" if profile else "contacts"],
            protected_change=AddOneRow() if profile else AddRowsWithID("person"),
        )
        query = QueryBuilder("rows")
        if not profile and bound["groups"] is None:
            query = query.enforce(MaxRowsPerID(bound["rows"]))
        elif not profile:
            query = query.enforce(MaxGroupsPerID(by, bound["groups"]))
            query = query.enforce(MaxRowsPerGroupPerID(by, bound["rows"]))
        keys = KeySet.from_tuples([(",".join(cell),) for cell in cells(question)], [by])
        grouped = query.groupby(keys)
        if question in (CONTACTS, PROFILE):
            asked = grouped.count(name="value")
        elif question == MINUTES:
            asked = grouped.sum("minutes", 0, MAX_MINUTES, name="value")
        else:
            asked = grouped.count_distinct(columns=["person"], name="value")
        answer = session.evaluate(asked, budget(RHO if normal else EPSILON))
        return {tuple(row[by].split(",")): float(row["value"]) for row in answer.collect()}

    return ask


def settings() -> Settings:
    def grid(groups: list[int | None], rows: list[int], noises: list[str]) -> list[Bound]:
        return [{"groups": g, "rows": r, "noise": n} for g in groups for r in rows for n in noises]

    both, normal, laplace = ["Laplace", "Gaussian"], ["Gaussian"], ["Laplace"]
    # Each question takes Spark seconds: the grids were narrowed by hand to what is near the best.
    sums = grid([16], [12, 18], normal) + grid([None], [110, 140, 170], laplace)
    tuned = {
        PERSONS: grid([12], [1], both) + grid([16], [1], normal),
        PROFILE: grid([1], [1], laplace),
        CONTACTS: sums,
        MINUTES: sums,
        MONTHLY: grid([20, 30, 45], [1], normal),
    }
    result: Settings = {}
    for question in BY:
        rows = 10 if question in (CONTACTS, MINUTES) else 1
        result[question] = {
            DEFAULT: "it has no default: bounds must be given",
            THREE_TEN: grid([GROUPS[question]], [rows], laplace),
            ORACLE: tuned[question],
        }
    return result


if __name__ == "__main__":
    measure("tmlt.analytics", version("tmlt.analytics"), ask_of, settings())
