"""Tutorial: read a table through a column map, fit three models and compare them."""

import numpy as np
from scipy import stats

import accept_reject as ar

# A stand-in for the table of an experiment: simulated participants, with column names of our own.
# --8<-- [start:table]
simulated, true = ar.simulate("participants.yaml")
table = simulated.to_frame()
table = table.rename(
    columns={
        "participant": "subject",
        "round": "trial",
        "offered_1": "left",
        "offered_2": "right",
        "choice": "chosen",
        "accepted": "matched",
    }
)
table = table.drop(columns=[name for name in table if name.startswith(("valuation", "acceptance"))])
table.to_csv("choices.csv", index=False)
print(table.head(3).to_string(index=False))
# --8<-- [end:table]

# --8<-- [start:load]
data = ar.load("choices.yaml")
choices = data.choices
print(len(choices), "participants,", choices.game.rounds, "rounds each,", choices.game.n_partners, "partners")
# --8<-- [end:load]

# --8<-- [start:effects]
effects = ar.stay_switch(choices)
print(effects[["estimate", "se", "z", "p"]].round(2))
# --8<-- [end:effects]

# --8<-- [start:fit]
models = ["bayes-hybrid", "bayes-rank", "bayes-outcome"]
fits = {model: ar.fit(model, choices, starts=3) for model in models}
hybrid = fits["bayes-hybrid"]
print(hybrid.parameters, hybrid.estimates[:3].round(2))
print(set(hybrid.flags))
# --8<-- [end:fit]

# --8<-- [start:select]
log_evidence = np.column_stack([fits[model].log_evidence for model in models])
selection = ar.select_models(log_evidence)
for model, frequency, protected in zip(models, selection.frequencies, selection.protected, strict=True):
    print(f"{model:14} frequency {frequency:.2f}  protected exceedance probability {protected:.2f}")
# --8<-- [end:select]

# --8<-- [start:recovery]
recovery = stats.pearsonr(true["w"], hybrid.estimates[:, 0]).statistic  # only simulated participants have a true w
print(f"correlation of true and estimated w: {recovery:.2f}")
# --8<-- [end:recovery]
