"""Tutorial: two agents of your own, one for many games at a time and one for a single game."""

import numpy as np

import accept_reject as ar


# --8<-- [start:agent]
class AverageRank(ar.Agent):
    """Chooses the partner with the best average rank so far; new partners count as fourth."""

    def start(self, n_players, game, seed):
        self.total = np.full((n_players, game.n_partners), 4.0)
        self.seen = np.ones((n_players, game.n_partners))

    def policy(self, offered):
        average = self.total / self.seen
        return ar.greedy(-np.take_along_axis(average, offered, axis=1))

    def learn(self, feedback):
        at = feedback.players, feedback.partner
        self.total[at] += feedback.rank  # a hidden rank is 0
        self.seen[at] += feedback.rank > 0
        # --8<-- [end:agent]


# --8<-- [start:single]
class RecentRank(ar.SinglePlayer):
    """Prefers partners that ranked it well recently."""

    def start(self, game, rng):
        self.rank = dict.fromkeys(range(game.n_partners), game.ranks / 2)

    def policy(self, offered):
        preference = np.exp([-self.rank[partner] for partner in offered])
        return preference / preference.sum()  # or a position in the offer, such as 0

    def learn(self, feedback):
        if feedback.rank:  # a hidden rank is 0
            self.rank[feedback.partner] += 0.3 * (feedback.rank - self.rank[feedback.partner])
            # --8<-- [end:single]


if __name__ == "__main__":
    # --8<-- [start:score]
    episodes = ar.draw(ar.scenario("few-spots").game, seed=0, n=300)
    agents = [AverageRank(), RecentRank(), ar.make_agent("thompson-outcome")]
    scores = {}
    for agent in agents:
        choices = ar.play(agent, episodes)
        scores[type(agent).__name__] = {name: ar.score(choices, name).value for name in ("valuing", "accepted")}
    for name, both in scores.items():
        print(f"{name:16} valuing {both['valuing']:.2f}  accepted {both['accepted']:.2f}")
    # --8<-- [end:score]

    # --8<-- [start:replay]
    log_probability = ar.replay(RecentRank(), choices)  # of each choice that ThompsonOutcome made
    print(log_probability.shape, f"{log_probability.mean():.3f}", f"{np.log(1 / 2):.3f}")
    # --8<-- [end:replay]
