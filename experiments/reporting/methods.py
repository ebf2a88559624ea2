"""Methods sections of reports, from the templates in `templates/methods`.

A template is plain text in which blank lines separate paragraphs. Other line breaks don't matter, nor does space before
punctuation. `{{ cite("key") }}` cites a work of `references.bib`.
"""

from __future__ import annotations

import math
import re
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined, Undefined
from jinja2.ext import Extension

from accept_reject.experiments.reporting import facts
from accept_reject.experiments.reporting.html import versions
from accept_reject.experiments.reporting.references import Citations
from accept_reject.experiments.reporting.words import counted, listed, spaced, span

PARAGRAPH = "\f"
"""Separates paragraphs while a template is rendered."""


class Methods(NamedTuple):
    """A methods section.

    Attributes:
        paragraphs: The paragraphs.
        references: The works that they cite, formatted and sorted.
        bibtex: The BibTeX entries of these works.
    """

    paragraphs: tuple[str, ...]
    references: tuple[str, ...]
    bibtex: str


class _BlankLines(Extension):
    """Replaces blank lines in a template's source by separators; blank lines that statements leave are ignored."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return re.sub(r"\n[ \t]*(?=\n)", f"\n{PARAGRAPH}", source)


def write_methods(name: str, **context: Any) -> Methods:
    """Write the methods section of a report.

    Args:
        name: Name of its template.
        context: The config or results that the template describes.
    """
    citations = Citations()
    environment = Environment(
        loader=PackageLoader("accept_reject.experiments.reporting", "templates/methods"),
        extensions=[_BlankLines],
        undefined=StrictUndefined,
        finalize=_checked,
    )
    environment.filters |= {
        "counted": counted,
        "distribution": facts.distribution,
        "is_graded": lambda data: data.choices.reward is not None,
        "file_name": lambda path: Path(path).name or path,
        "listed": listed,
        "model_facts": lambda entries: [facts.model_facts(entry) for entry in entries],
        "number": "{:g}".format,
        "spaced": spaced,
        "span": span,
    }
    environment.tests |= {"infinite": math.isinf, "network": facts.is_network}
    environment.globals |= {
        "cite": citations.cite,
        "constant": constant,
        "data_facts": facts.data_facts,
        "has_defaults": facts.has_defaults,
        "has_other_priors": facts.has_other_priors,
        "opening_rounds": facts.opening_rounds,
        "prior_text": facts.prior_text,
        "parameter_groups": facts.parameter_groups,
        "population_groups": facts.population_groups,
        "versions": versions,
    }
    text = environment.get_template(f"{name}.jinja").render(context)
    paragraphs = [re.sub(r" (?=[,;:.)])", "", " ".join(paragraph.split())) for paragraph in text.split(PARAGRAPH)]
    return Methods(tuple(filter(None, paragraphs)), citations.references, citations.bibtex)


def constant(path: str) -> Any:
    """Return a constant of the experiments' code, such as `inference.model_selection.DECIDED`."""
    module, _, name = path.rpartition(".")
    return getattr(import_module(f"accept_reject.experiments.{module}"), name)


def _checked(value: Any) -> Any:
    """Reject values other than text and finite numbers, such as None; `{{ "x" if condition }}` may be undefined."""
    text = isinstance(value, str | Undefined)
    if not text and (isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value)):
        raise ValueError(f"values in a methods template must be text or finite numbers, got {value!r}")
    return value
