"""All numbers of a recovery study as data frames."""

from __future__ import annotations

import pandas as pd

from accept_reject.experiments.recover.run import RecoverResults


def frames(results: RecoverResults) -> dict[str, pd.DataFrame]:
    """The data frames by name."""
    tables = {"estimates": results.estimates, "parameters": results.parameters}
    if len(results.config.models) > 1:
        tables |= {"studies": results.studies, "confusion": results.confusion}
    return tables
