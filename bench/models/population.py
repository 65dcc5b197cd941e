"""Made-up customers as the build leaves them for the step `fit`: drawn from Pareto/NBD and Gamma-Gamma themselves."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

DAYS = 1095
"""Three years since the first purchase of all; customers come evenly over them."""

HOLDOUT_DAYS = 364


def write(path: Path, customers: int, seed: int, *, are_leaving: bool = True) -> None:
    """A warehouse with the two tables that `pipelines.fit.sample` reads.

    Where nobody ever leaves, the timing models have no maximum: their search costs most then.
    """
    chance = np.random.default_rng(seed)
    age = chance.integers(0, DAYS + 1, customers)
    pace = chance.gamma(0.6, 1 / 80, customers)  # purchases a day: about three a year
    gone = chance.exponential(1 / chance.gamma(0.6, 1 / 300, customers).clip(1e-9))
    span = np.minimum(gone, age) if are_leaving else age
    x = np.minimum(chance.poisson(pace * span), age)  # at most one purchase day a day
    last = np.where(x > 0, np.ceil(span * chance.random(customers) ** (1 / np.maximum(x, 1))), 0)
    last = np.minimum(np.maximum(last, x), age).astype(int)
    # The calibration's part of each history: purchases fall evenly between the first and the last one.
    known = age - HOLDOUT_DAYS
    inside = np.clip(np.floor(x * np.minimum(known / np.maximum(last, 1), 1.0)), 0, x).astype(int)
    inside = np.where(last <= known, x, np.minimum(inside, np.maximum(x - 1, 0)))
    span_inside = np.where(last <= known, last, np.minimum(known, (inside * last) // np.maximum(x, 1)))
    mean = 90 / chance.gamma(4, 1, customers) * chance.gamma(6 * np.maximum(x, 1)) / np.maximum(x, 1)
    is_known = known >= 0

    def where_known(values: object) -> pd.Series:
        return pd.Series(values, dtype="Int64").where(pd.Series(is_known))

    frame = pd.DataFrame(
        {
            "repeat_purchase_days": x.astype("int64"),
            "span_days": last.astype("int32"),
            "age_days": age.astype("int32"),
            "mean_repeat_spend": pd.Series(np.round(mean, 2) + 0.01).where(pd.Series(x > 0)),
            "calibration_repeat_purchase_days": where_known(inside),
            "calibration_span_days": where_known(np.maximum(span_inside, inside)),
            "calibration_age_days": where_known(known),
            "holdout_purchase_days": where_known(x - inside),
        }
    )
    first = DAYS - age
    days = pd.DataFrame({"day": np.arange(DAYS + 1), "is_holdout": np.arange(DAYS + 1) > DAYS - HOLDOUT_DAYS})
    days["new_customers"] = np.bincount(first[is_known], minlength=DAYS + 1)
    days["repeat_purchase_days"] = np.bincount(
        (first + last)[is_known], weights=x[is_known], minlength=DAYS + 1
    ).astype("int64")
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE SCHEMA intermediate")
        for table, made_up in (("int_purchase_histories", frame), ("int_purchase_tracking", days)):
            connection.register("made_up", made_up)
            connection.execute(f"CREATE TABLE intermediate.{table} AS FROM made_up")
