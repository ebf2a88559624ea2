"""The game: its specification, drawn episodes and Gymnasium environments. Importing this package registers them."""

from accept_reject.envs.choices import Choices
from accept_reject.envs.env import AcceptRejectEnv
from accept_reject.envs.episodes import Episodes, draw
from accept_reject.envs.game import GameSpec, OpenDoors, PartnerKind
from accept_reject.envs.registration import register
from accept_reject.envs.scenarios import SCENARIOS, Scenario, scenario
from accept_reject.envs.vector_env import AcceptRejectVectorEnv
from accept_reject.errors import InvalidInputError

register()

__all__ = [
    "SCENARIOS",
    "AcceptRejectEnv",
    "AcceptRejectVectorEnv",
    "Choices",
    "Episodes",
    "GameSpec",
    "InvalidInputError",
    "OpenDoors",
    "PartnerKind",
    "Scenario",
    "draw",
    "scenario",
]
