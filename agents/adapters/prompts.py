"""The game as text: what it is, what happened so far, what is offered now; and which letter an answer means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from string import ascii_uppercase

from accept_reject.agents.adapters.single_player import Answer
from accept_reject.envs.choices import UNKNOWN_SPOTS
from accept_reject.envs.game import GameSpec
from accept_reject.envs.rendering import ordinal

_LONE_LETTER = re.compile(r"[\W_]*([A-Za-z])[\W_]*")


def letters_of(offered: int) -> str:
    """The letters that stand for the places of an offer: A, B, ..., 26 at most."""
    return ascii_uppercase[:offered]


def rules(game: GameSpec) -> str:
    """What every player is told. It holds nothing of how this very game is made."""
    return (
        f"You play a game of {game.rounds} rounds with partners who are known by their numbers.\n"
        f"Each round you are offered {game.offered} partners and ask one of them to play with you. "
        f"That partner has ranked you among {game.ranks} candidates, from 1st (best) to {ordinal(game.ranks)}, "
        "and has a limited number of spots. "
        "It accepts you if your rank is within its spots, and rejects you otherwise. "
        "Some partners may not show you the rank and the spots.\n"
        "You earn a point each time that you are accepted."
    )


def told(number: int, offered: Sequence[int], answer: Answer | None) -> str:
    """What happened in a round, in one line.

    Args:
        number: Number of the round, from 1.
        offered: The partners that were offered.
        answer: What the player learned; None if it missed the round.
    """
    offer = f"Round {number}: you were offered {_listed([_name(partner) for partner in offered], 'and')}"
    if answer is None:
        return f"{offer} and gave no valid answer."
    verdict = "accepted" if answer.accepted else "rejected"
    if not answer.rank:
        shown = "It did not show you the rank and the spots"
    else:
        spots = (
            "" if answer.spots == UNKNOWN_SPOTS else f" and had {answer.spots} spot{'' if answer.spots == 1 else 's'}"
        )
        shown = f"It ranked you {ordinal(answer.rank)}{spots}"
    return f"{offer} and asked {_name(answer.partner)}. {shown}: you were {verdict}."


def prompt(game: GameSpec, history: Sequence[str], offered: Sequence[int]) -> str:
    """All that a player reads in a round: the rules, a line for each round so far, the offer.

    Args:
        game: The game.
        history: The lines of the rounds so far.
        offered: The partners offered now.
    """
    letters = letters_of(len(offered))
    parts = [rules(game)]
    if history:
        parts.append("\n".join(history))
    places = "\n".join(f"{letter}) {_name(partner)}" for letter, partner in zip(letters, offered, strict=True))
    question = f"Whom do you ask? Answer with one letter, {_listed(letters, 'or')}, and nothing else."
    parts.append(f"Round {len(history) + 1} of {game.rounds}. You are offered:\n{places}\n{question}")
    return "\n\n".join(parts)


def read_letter(answer: str, offered: int) -> str | None:
    """The letter that an answer consists of, such as `b`, `(B)` or `**B**.`; None for anything else.

    Args:
        answer: What was answered.
        offered: How many partners are offered.
    """
    found = _LONE_LETTER.fullmatch(answer)
    letter = found.group(1).upper() if found else ""
    return letter if letter and letter in letters_of(offered) else None


def _name(partner: int) -> str:
    return f"partner {partner + 1}"


def _listed(words: Sequence[str], last: str) -> str:
    return f"{', '.join(words[:-1])} {last} {words[-1]}"
