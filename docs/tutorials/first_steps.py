"""First steps: one episode of the game, and the scores of four agents."""

# --8<-- [start:episode]
import gymnasium as gym

import accept_reject as ar

env = gym.make("accept_reject.envs:accept_reject/Orthogonal-v0")
env.action_space.seed(0)
observation, info = env.reset(seed=0)
accepted, ended = 0.0, False
while not ended:
    action = env.action_space.sample()  # the position of the chosen partner in the offer
    observation, reward, ended, truncated, info = env.step(action)
    accepted += reward
print("offered", observation["offered"], "last rank", observation["last_rank"])
print("accepted in", int(accepted), "of", env.unwrapped.game.rounds, "rounds")
# --8<-- [end:episode]

# --8<-- [start:score]
episodes = ar.draw(ar.scenario("few-spots").game, seed=0, n=500)
scores = {}
for name in ("ideal-valuing", "bayes-hybrid", "bayes-outcome", "random"):
    choices = ar.play(ar.make_agent(name), episodes)
    scores[name] = {score: ar.score(choices, score).value for score in ("valuing", "accepted")}
    print(f"{name:14} valuing {scores[name]['valuing']:5.2f}  accepted {scores[name]['accepted']:5.2f}")
# --8<-- [end:score]
