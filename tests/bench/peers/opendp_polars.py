"""OpenDP with Polars. It has no default bounds; its guide truncates, as the setting of 3 groups and 10 rows does."""

import warnings
from importlib.metadata import version
from pathlib import Path

import opendp.prelude as dp
import polars as pl
from common import (
    BY, CONTACTS, DEFAULT, DELTA, EPSILON, GROUPS, MAX_MINUTES, MINUTES, MONTHLY, ORACLE, PERSONS, PROFILE, RHO,
    THREE_TEN, Ask, Bound, Settings, measure,
)  # fmt: skip
from data import MAX_ROWS, Answer, cells

warnings.filterwarnings("ignore")
dp.enable_features("contrib")

def ask_of(folder: Path) -> Ask:
    text = dict.fromkeys(["person", "month", "district", "age_band", "gender", "belonging"], pl.String)
    frames = {
        name: pl.read_csv(folder / f"{name}.csv", schema_overrides=text).lazy() for name in ("persons", "contacts")
    }

    def ask(question: str, bound: Bound) -> Answer:
        by, profile = BY[question], question == PROFILE
        loss = dp.loss_of(rho=RHO) if bound["noise"] == "Gaussian" else dp.loss_of(epsilon=EPSILON, delta=DELTA)
        context = dp.Context.compositor(
            data=frames["persons" if profile else "contacts"],
            # The table of persons has one row a person, and nothing to truncate.
            privacy_unit=dp.unit_of(contributions=1, identifier=None if profile else pl.col("person")),
            privacy_loss=loss,
            split_evenly_over=1,
            # A public limit of rows: without it, it sums nothing, since the sum could overflow.
            margins=[dp.polars.Margin(by=by, max_length=10_000 * MAX_ROWS, max_groups=len(cells(question)))],
        )
        query = context.query()
        if not profile:
            # The default, keep="sample", ends in an error of Polars ("multiple fields with name").
            query = query.truncate_per_group(bound["rows"], by=by)
            query = query.truncate_num_groups(bound["groups"], by=by, keep="first")
        value = pl.col("minutes").dp.sum((0, MAX_MINUTES)) if question == MINUTES else dp.len(signed=True)
        keys = pl.LazyFrame(cells(question), schema=dict.fromkeys(by, pl.String), orient="row")
        answer = query.group_by(by).agg(value.alias("value")).with_keys(keys).release().collect()
        return {tuple(row[name] for name in by): float(row["value"] or 0) for row in answer.to_dicts()}

    return ask


def grid(groups: list[int], rows: list[int], noises: list[str]) -> list[Bound]:
    return [{"groups": g, "rows": r, "noise": n} for g in groups for r in rows for n in noises]


def settings() -> Settings:
    both, normal = ["Laplace", "Gaussian"], ["Gaussian"]
    # It keeps one group less than it is told (k - 1 for k): 17 of 16 districts is not to cut at all.
    tuned = {
        PERSONS: grid([13, 15, 17], [1], both),
        PROFILE: grid([1], [1], both),
        CONTACTS: grid([13, 17], [12, 18, 25, 32], normal),
        MINUTES: grid([13, 17], [6, 8, 11, 15], normal),
        MONTHLY: grid([20, 30, 40, 50, 65], [1], normal),
    }
    result: Settings = {}
    for question in BY:
        rows = 10 if question in (CONTACTS, MINUTES) else 1
        result[question] = {
            DEFAULT: "it has no default: bounds must be given",
            THREE_TEN: grid([GROUPS[question]], [rows], ["Laplace"]),
            ORACLE: tuned[question],
        }
    return result


if __name__ == "__main__":
    measure("opendp with Polars", version("opendp"), ask_of, settings())
