"""Tutorial: train PPO on a small game and score it against the reference agents."""

import gymnasium as gym
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

import accept_reject as ar

torch.set_num_threads(1)  # the network is tiny: more threads would only get in each other's way

# --8<-- [start:game]
small = {
    "rounds": 24,
    "partners": [
        {"mean_rank": 2, "acceptance": 0.9},
        {"mean_rank": 6, "acceptance": 0.1, "count": 2},
    ],
}
env = gym.make("accept_reject.envs:accept_reject/Orthogonal-v0", game=small)
observation, info = env.reset(seed=0)
for name, value in observation.items():
    print(name, value)
# --8<-- [end:game]

# --8<-- [start:train]
envs = make_vec_env(
    "accept_reject.envs:accept_reject/Orthogonal-v0",
    n_envs=16,
    seed=0,
    env_kwargs={"game": small},
)
model = PPO(
    "MultiInputPolicy",
    envs,
    n_steps=96,  # four episodes of each environment
    batch_size=384,
    n_epochs=6,
    learning_rate=3e-3,
    gamma=0.0,  # a choice changes nothing but its own round
    policy_kwargs={"net_arch": [32, 32]},
    seed=0,
    device="cpu",
)
model.learn(24_000)
# --8<-- [end:train]

# --8<-- [start:score]
game = env.unwrapped.game
episodes = ar.draw(game, seed=1, n=500)  # episodes that were not used in training
agents = {
    "random": ar.make_agent("random"),
    "PPO": ar.make_agent("stable-baselines", {"model": model}),
    "win-stay-lose-shift": ar.make_agent("win-stay-lose-shift"),
    "bayes-outcome": ar.make_agent("bayes-outcome"),
    "ideal-accepted": ar.make_agent("ideal-accepted"),
}
scores = {}
for name, agent in agents.items():
    choices = ar.play(agent, episodes)  # all agents face the same offers and answers
    scores[name] = ar.score(choices, "accepted")
    print(f"{name:20} {scores[name].value:5.2f} [{scores[name].low:.2f}, {scores[name].high:.2f}]")
# --8<-- [end:score]
