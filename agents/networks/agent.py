"""Recurrent agents: trained networks as agents.

Weights are saved as safetensors with the network's config in the metadata, so that a single file is enough to play.
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
from accept_reject.agents.networks.base import Network, NetworkConfig
from accept_reject.agents.networks.flat import FlatNetwork
from accept_reject.agents.networks.partner_state import PartnerStateNetwork
from accept_reject.envs.game import GameSpec
from accept_reject.errors import InvalidInputError, list_problems, suggest

PRETRAINED = Path(__file__).parents[1] / "pretrained"
"""Folder of the weights that ship with the package."""

CONFIG = "network"
"""Key of the network's config, as JSON, in the metadata of a weights file."""


class RecurrentAgent(Agent):
    """Plays with a trained network, whose weights stay constant.

    Args:
        weights: Path of a weights file, the name of one that ships with the package, or a network.
        greedy: Whether to always choose the partner with the highest logit, instead of sampling from the softmax.

    Raises:
        InvalidInputError: If the weights can't be read.
    """

    def __init__(self, weights: str | Path | Network[Any], greedy: bool = False) -> None:
        if not isinstance(greedy, bool):
            raise InvalidInputError(type(self).__name__, [f"greedy: must be true or false, got {greedy!r}"])
        self.network = weights if isinstance(weights, Network) else load_network(find_weights(str(weights)))
        self.greedy = greedy

    def start(self, n_players: int, game: GameSpec, seed: int) -> None:
        """Reset the state of the network.

        Raises:
            InvalidInputError: If the network can't play this game.
        """
        self._state = self.network.start(n_players, game)

    def policy(self, offered: NDArray[np.uint8]) -> Tensor | NDArray[np.float64]:
        """Return the softmax of the network's logits, or the greedy policy, `(n_players, offered)`."""
        logits, self._state = self.network.logits(self._state, offered)
        if self.greedy:
            return greedy(logits.detach().cpu().numpy())
        return torch.softmax(logits.double(), dim=-1).cpu()  # float32 would lose improbable choices

    def learn(self, feedback: Feedback) -> None:
        """Update the state of the network."""
        self._state = self.network.learn(self._state, feedback)

    def valuations(self) -> NDArray[np.float64] | None:
        """Return the network's beliefs about every partner, `(n_players, partners)`; None for flat networks."""
        with torch.no_grad():
            found = self.network.valuations(self._state)
        return None if found is None else found.cpu().numpy().astype(np.float64)


def make_network(config: NetworkConfig, seed: int) -> Network[Any]:
    """Make an untrained network; its weights depend only on config and seed."""
    with torch.random.fork_rng(devices=[]):  # torch's layers draw from the global generator, which is restored
        torch.manual_seed(seed)
        return FlatNetwork(config) if config.architecture == "flat" else PartnerStateNetwork(config)


def weights_bytes(network: Network[Any]) -> bytes:
    """Return the content of a weights file."""
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    return save(weights, metadata={CONFIG: network.config.model_dump_json()})


def find_weights(name: str) -> Path:
    """Find a weights file by its path or by the name of shipped weights.

    Raises:
        InvalidInputError: If no weights of that name ship with the package.
    """
    if Path(name).suffix or "/" in name:
        return Path(name)
    shipped = {file.stem: file for file in PRETRAINED.glob("*.safetensors")}
    if name not in shipped:
        problem = f"must be a file's path or the name of shipped weights, got {name!r}{suggest(name, shipped)}"
        raise InvalidInputError("weights", [problem])
    return shipped[name]


def load_network(path: Path) -> Network[Any]:
    """Read a network and freeze its weights.

    Raises:
        InvalidInputError: If the file can't be read, or if it is not a valid weights file of a network.
    """
    try:
        with safe_open(path, framework="pt") as file:
            described = (file.metadata() or {}).get(CONFIG)
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except OSError as error:
        raise InvalidInputError(str(path), [f"can't be read: {error.strerror or error}"]) from None
    except SafetensorError as error:
        raise InvalidInputError(str(path), [f"is not a valid weights file: {error}"]) from None
    if described is None:
        raise InvalidInputError(str(path), [f"has no config of the network: metadata key {CONFIG!r} is required"])
    try:
        network = make_network(NetworkConfig.model_validate_json(described), seed=0)
        network.load_state_dict(weights)
    except ValidationError as error:
        raise InvalidInputError(str(path), list_problems(error, NetworkConfig)) from None
    except RuntimeError as error:
        raise InvalidInputError(str(path), [f"weights don't match the network's config: {error}"]) from None
    return network.requires_grad_(False)
