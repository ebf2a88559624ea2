"""Tutorial: the files that a lab could have, of 24 simulated participants in two groups."""

import numpy as np
import pandas as pd

import accept_reject as ar
from accept_reject.experiments.config import load_config
from accept_reject.experiments.simulation.population import PopulationConfig
from accept_reject.experiments.simulation.ratings import rate

# --8<-- [start:files]
population = load_config(PopulationConfig, "population_babur2024", ["participants=24", "seed=5"])
choices, parameters = ar.simulate(population)
rng = np.random.default_rng(1)

table = choices.to_frame()
names = pd.Series(["Ada", "Ben", "Cem", "Dia", "Eli", "Fay", "Gus", "Hua"])
lab = pd.DataFrame({"subject": table.participant, "trial": table["round"]})
lab["left"], lab["right"] = names[table.offered_1].to_numpy(), names[table.offered_2].to_numpy()
lab["key"] = np.where(table.choice == table.offered_1, "f", "j")
lab["rt"] = rng.lognormal(6.5, 0.3, len(lab)).round()
lab["rank"], lab["spots"] = table["rank"], table.spots
lab["outcome"] = table.accepted.map({1: "match", 0: "no match"})
lab.loc[rng.random(len(lab)) < 0.02, ["key", "rt", "rank", "spots", "outcome"]] = None  # no answer in time
lab.to_csv("lab.csv", index=False)

ratings = pd.DataFrame(rate(population, choices, parameters), columns=[f"liking_{name}" for name in names])
ratings = (1 + 6 * ratings).round().clip(1, 7).astype(int)  # a scale from 1 to 7
ratings.insert(0, "subject", np.arange(1, 25))
ratings.to_csv("ratings.csv", index=False)

w = parameters["w"]
people = pd.DataFrame({"code": np.arange(1, 25), "group": np.where(np.arange(24) % 2, "patient", "control")})
people["rejection_sensitivity"] = (4 + 3 * w + rng.normal(0, 0.5, 24)).round(1)
people.to_csv("questionnaires.csv", index=False)
# --8<-- [end:files]
