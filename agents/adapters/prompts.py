"""The game as text: prompts with the rules, the history and the offer, and the interpretation of answers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from string import ascii_uppercase

from accept_reject.agents.adapters.single_player import PlayerFeedback
from accept_reject.envs.choices import UNKNOWN_SPOTS
from accept_reject.envs.game import GameSpec
from accept_reject.envs.rendering import ordinal, plural

_REASONING = re.compile(r"(?s).*</think(?:ing)?>|<think(?:ing)?>.*")
"""Reasoning in a text: up to the closing tag, as a template may contain the opening one; or cut off before it."""

_LONE_LETTER = re.compile(r"[\W_]*([A-Za-z])[\W_]*")


def letters_of(offered: int) -> str:
    """Return the letters of the places in an offer: A, B, ..., at most 26."""
    return ascii_uppercase[:offered]


def rules(game: GameSpec) -> str:
    """Return the rules, without the parameters of the game that players have to find out."""
    return (
        f"You play a game of {game.rounds} rounds with numbered partners.\n"
        f"Each round you are offered {game.offered} partners and ask one of them to play with you. "
        f"That partner has ranked you among {game.ranks} candidates, from 1st (best) to {ordinal(game.ranks)}, "
        "and has a limited number of spots. "
        "It accepts you if your rank is within its spots, and rejects you otherwise. "
        "Some partners may not show you the rank and the spots.\n"
        "You earn a point each time you are accepted."
    )


def round_text(number: int, offered: Sequence[int], feedback: PlayerFeedback | None) -> str:
    """Describe a past round in one line.

    Args:
        number: Number of the round, from 1.
        offered: The partners that were offered.
        feedback: The feedback; None if the player missed the round.
    """
    offer = f"Round {number}: you were offered {_listed([_name(partner) for partner in offered], 'and')}"
    if feedback is None:
        return f"{offer} and gave no valid answer."
    outcome = "accepted" if feedback.accepted else "rejected"
    if not feedback.rank:
        shown = "It did not show you the rank and the spots"
    else:
        spots = "" if feedback.spots == UNKNOWN_SPOTS else f" and had {plural(feedback.spots, 'spot')}"
        shown = f"It ranked you {ordinal(feedback.rank)}{spots}"
    return f"{offer} and asked {_name(feedback.partner)}. {shown}: you were {outcome}."


def prompt(game: GameSpec, history: Sequence[str], offered: Sequence[int]) -> str:
    """Return the prompt of a round: the rules, a line for each past round, and the offer.

    Args:
        game: The game.
        history: The lines of the past rounds.
        offered: The partners offered now.
    """
    letters = letters_of(len(offered))
    parts = [rules(game)]
    if history:
        parts.append("\n".join(history))
    places = "\n".join(f"{letter}) {_name(partner)}" for letter, partner in zip(letters, offered, strict=True))
    question = f"Which partner do you ask? Answer with one letter, {_listed(letters, 'or')}, and nothing else."
    parts.append(f"Round {len(history) + 1} of {game.rounds}. You are offered:\n{places}\n{question}")
    return "\n\n".join(parts)


def read_letter(answer: str, offered: int) -> str | None:
    """Return the letter of an answer such as `b`, `(B)` or `**B**.`; None for any other answer.

    Args:
        answer: The answer.
        offered: Number of partners offered.
    """
    found = _LONE_LETTER.fullmatch(answer)
    letter = found.group(1).upper() if found else ""
    return letter if letter and letter in letters_of(offered) else None


def read_answer(text: str, offered: int) -> str | None:
    """Return the letter of a text, as `read_letter` does, after any reasoning in `<think>...</think>`."""
    return read_letter(_REASONING.sub("", text), offered)


def _name(partner: int) -> str:
    return f"partner {partner + 1}"


def _listed(words: Sequence[str], last: str) -> str:
    return f"{', '.join(words[:-1])} {last} {words[-1]}"
