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
    return environment.get_template(template).render(versions=", ".join(versions()), **context)


def versions() -> list[str]:
    """What everything was computed with, such as `numpy 2.3.1`."""
    return [*(f"{name} {metadata.version(name)}" for name in VERSIONS), f"Python {platform.python_version()}"]


def _inline(svg: bytes, name: str) -> Markup:
    """An SVG file as an element of a page, with the name by which screen readers call it."""
    _, tag, drawing = svg.decode().partition("<svg")  # drawn here, not brought by a user
    return Markup('<div class="scroll">{} role="img" aria-label="{}"{}</div>').format(
        Markup(tag), name, Markup(drawing)
    )
