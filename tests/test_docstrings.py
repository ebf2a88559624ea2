"""The examples in docstrings and in the reference run and give what they show."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import accept_reject as ar
from accept_reject.agents.registry import AGENTS

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"
PUBLIC = [name for name in ar.__all__ if not name.startswith("_")]
OF_AGENTS = {entry.path.partition(":")[0] for entry in AGENTS.values()}
MODULES = sorted(OF_AGENTS | {getattr(ar, name).__module__ for name in PUBLIC})


@pytest.mark.slow
@pytest.mark.parametrize("name", MODULES)
def test_examples_of_docstrings_give_what_they_show(name: str) -> None:
    assert doctest.testmod(import_module(name)).failed == 0


@pytest.mark.slow
@pytest.mark.parametrize("page", sorted(REFERENCE.rglob("*.md")), ids=lambda page: page.stem)
def test_examples_of_the_reference_give_what_they_show(page: Path) -> None:
    assert doctest.testfile(str(page), module_relative=False, encoding="utf-8").failed == 0


@pytest.mark.parametrize("name", AGENTS)
def test_every_registered_agent_has_a_name_an_equation_and_an_example_in_the_reference(name: str) -> None:
    agent = ar.make_agent(name)
    text = type(agent).__doc__ or ""
    if "networks" in type(agent).__module__:
        text = (REFERENCE / "agents" / "networks.md").read_text(encoding="utf-8")
    assert f"`{name}`" in text
    assert "$" in text
    assert ">>> " in text


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_has_a_docstring(name: str) -> None:
    assert (getattr(ar, name).__doc__ or "").strip()
