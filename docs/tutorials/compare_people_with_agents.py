"""Tutorial: compare (simulated) participants with agents: scores, learning curves, stay/switch effects, prediction."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy import stats

import accept_reject as ar
from accept_reject.experiments.analysis.curves import curve_points

# --8<-- [start:people]
people, parameters = ar.simulate("population_babur2024")
print(len(people), "participants,", people.game.rounds, "rounds")
# --8<-- [end:people]

# --8<-- [start:agents]
episodes = ar.draw(people.game, seed=0, n=len(people))  # the episodes that the participants played
agents = {
    "bayes-hybrid": ar.make_agent("bayes-hybrid", {"inverse_temperature": 1.5}),
    "bayes-outcome": ar.make_agent("bayes-outcome", {"inverse_temperature": 1.5}),
    "delta-hybrid": ar.make_agent("delta-hybrid", {"inverse_temperature": 1.5}),
    "imitation": ar.make_agent("imitation"),
    "random": ar.make_agent("random"),
}
played = {"participants": people} | {name: ar.play(agent, episodes) for name, agent in agents.items()}
# --8<-- [end:agents]

# --8<-- [start:table]
rows = {}
for name, choices in played.items():
    effects = ar.stay_switch(choices).estimate
    rows[name] = {
        "valuing": ar.score(choices, "valuing").value,
        "accepted": ar.score(choices, "accepted").value,
        "stay after rank": effects["rank"],
        "stay after outcome": effects["outcome"],
    }
table = pd.DataFrame(rows).T
# --8<-- [end:table]

# --8<-- [start:predict]
for name, agent in agents.items():
    table.loc[name, "NLL"] = -ar.replay(agent, people).mean().item()
print(table.round(2).to_string(na_rep="-"))
# --8<-- [end:predict]

# --8<-- [start:figure]
encounters = curve_points(people.game, by="encounter").names  # "1", "2", "3", ..., "28+"
styles = {"participants": "k-o", "bayes-hybrid": "C0--s", "bayes-outcome": "C1-.^", "random": "C7:"}
figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
for name, style in styles.items():
    curve = 100 * ar.learning_curves(played[name], by="encounter")["valuing"]  # (players, points)
    axes.plot(encounters, np.nanmean(curve, axis=0), style, markersize=4, label=name)
    if name == "participants":
        error = 1.96 * stats.sem(curve, axis=0, nan_policy="omit")
        axes.errorbar(encounters, np.nanmean(curve, axis=0), error, color="k", linewidth=1)
axes.set(xlabel="Encounter with the less familiar partner", ylabel="Chose the partner that values it most (%)")
figure.legend(loc="outside upper center", frameon=False, ncols=4)
plt.rcParams["svg.hashsalt"] = "tutorial"  # the same figure gives the same file
figure.savefig("compare_people_with_agents.svg", metadata={"Date": None})
# --8<-- [end:figure]
