"""The game: what it is, every draw of it, and its Gymnasium environments. Importing this registers them."""

from accept_reject.envs.env import AcceptRejectEnv
from accept_reject.envs.episodes import Episodes, draw
from accept_reject.envs.faults import InvalidInputError
from accept_reject.envs.game import GameSpec, OpenDoors, PartnerKind
from accept_reject.envs.registration import register
from accept_reject.envs.scenarios import SCENARIOS, Scenario, scenario
from accept_reject.envs.vector_env import AcceptRejectVectorEnv

register()

__all__ = [
    "SCENARIOS",
    "AcceptRejectEnv",
    "AcceptRejectVectorEnv",
    "Episodes",
    "GameSpec",
    "InvalidInputError",
    "OpenDoors",
    "PartnerKind",
    "Scenario",
    "draw",
    "scenario",
]
