"""Recurrent agents: networks that were trained, on the game or on people's choices, as players like any other.

Weights are kept as safetensors, with what the network is inside: a file is all that is needed to play.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from accept_reject.agents.base import Agent, Feedback, greedy
from accept_reject.agents.flat_network import FlatNetwork
from accept_reject.agents.networks import Network, NetworkConfig
from accept_reject.agents.partner_state import PartnerStateNetwork
from accept_reject.envs.faults import InvalidInputError, list_faults, suggest
from accept_reject.envs.game import GameSpec

CONFIG = "network"
"""Key of a weights file's metadata under which the network's config stands as JSON."""


class RecurrentAgent(Agent):
    """Plays as a network does, with the weights as they are.

    Args:
        weights: Path of a weights file, the bare name of one that ships with the package, or a network.
        greedy: Whether it always asks the partner of the highest preference; if not, a softmax draws.

    Raises:
        InvalidInputError: If the weights can't be read.
    """

    def __init__(self, weights: str | Path | Network[Any], greedy: bool = False) -> None:
        if not isinstance(greedy, bool):
            raise InvalidInputError(type(self).__name__, [f"greedy: should be true or false, but is {greedy!r}"])
        self.network = weights if isinstance(weights, Network) else load_network(find_weights(str(weights)))
        self.greedy = greedy

    def start(self, n_players: int, game: GameSpec, seed: int) -> None:
        """Forget everyone.

        Raises:
            InvalidInputError: If the network can't play this game.
        """
        self._state = self.network.begin(n_players, game)

    def policy(self, offered: NDArray[np.uint8]) -> Tensor | NDArray[np.float64]:
        """A softmax over the network's preferences, or the highest of them, `(n_players, offered)`."""
        preferences, self._state = self.network.decide(self._state, offered)
        if self.greedy:
            return greedy(preferences.detach().cpu().numpy())
        return torch.softmax(preferences.double(), dim=-1).cpu()  # float32 would lose improbable choices

    def learn(self, feedback: Feedback) -> None:
        """Hand the answers to the network."""
        self._state = self.network.learned(self._state, feedback)

    def valuations(self) -> NDArray[np.float64] | None:
        """What the network makes of every partner, `(n_players, partners)`; None for flat ones."""
        with torch.no_grad():
            found = self.network.valuations(self._state)
        return None if found is None else found.cpu().numpy().astype(np.float64)


def make_network(config: NetworkConfig, seed: int) -> Network[Any]:
    """An untrained network, whose weights depend on nothing but config and seed."""
    with torch.random.fork_rng(devices=[]):  # torch's layers draw from the global generator: it is put back
        torch.manual_seed(seed)
        return FlatNetwork(config) if config.architecture == "flat" else PartnerStateNetwork(config)


def weights_bytes(network: Network[Any]) -> bytes:
    """The contents of a weights file."""
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    return save(weights, metadata={CONFIG: network.config.model_dump_json()})


def find_weights(name: str) -> Path:
    """The file that a path or the bare name of shipped weights stands for.

    Raises:
        InvalidInputError: If no weights of that name ship.
    """
    if Path(name).suffix or "/" in name:
        return Path(name)
    shipped = {file.stem: file for file in (Path(__file__).parent / "pretrained").glob("*.safetensors")}
    if name not in shipped:
        raise InvalidInputError(
            "weights", [f"{name!r} is neither a file's path nor the name of shipped weights{suggest(name, shipped)}"]
        )
    return shipped[name]


def load_network(path: Path) -> Network[Any]:
    """Read a network, with its weights frozen.

    Raises:
        InvalidInputError: If there is no such file, or if it holds no such network.
    """
    try:
        with safe_open(path, framework="pt") as file:
            described = (file.metadata() or {}).get(CONFIG)
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except OSError as error:
        raise InvalidInputError(str(path), [f"can't be read: {error.strerror or error}"]) from None
    except SafetensorError as error:
        raise InvalidInputError(str(path), [f"is no sound file of weights: {error}"]) from None
    if described is None:
        raise InvalidInputError(str(path), [f"holds weights, but its metadata don't tell of which {CONFIG}"])
    try:
        network = make_network(NetworkConfig.model_validate_json(described), seed=0)
        network.load_state_dict(weights)
    except ValidationError as error:
        raise InvalidInputError(str(path), list_faults(error, NetworkConfig)) from None
    except RuntimeError as error:
        raise InvalidInputError(str(path), [f"holds weights of another network: {error}"]) from None
    return network.requires_grad_(False)
