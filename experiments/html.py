"""Reports: HTML files that need nothing else, to be read top to bottom; their templates share one layout."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

VERSIONS = ("accept-reject", "gymnasium", "numpy", "scipy", "pandas", "torch")


def render(template: str, **context: Any) -> str:
    """A report as HTML.

    Args:
        template: Name of its template, which extends `layout.html`.
        context: What the template speaks of.
    """
    environment = Environment(
        loader=PackageLoader("accept_reject.experiments"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["inline"] = _inline
    return environment.get_template(template).render(versions=versions(), **context)


def versions() -> str:
    """What the numbers were computed with."""
    installed = [f"{name} {metadata.version(name)}" for name in VERSIONS]
    return ", ".join([*installed, f"Python {platform.python_version()}"])


def _inline(svg: bytes) -> Markup:
    """An SVG file as an element of a page."""
    text = svg.decode()
    return Markup(text[text.index("<svg") :])  # drawn here, not brought by a user
