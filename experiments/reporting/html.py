"""Reports: self-contained HTML files without scripts, from templates that share one layout."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from accept_reject.experiments.reporting.words import counted, listed

VERSIONS = ("accept-reject", "gymnasium", "numpy", "scipy", "pandas", "torch")


def render(template: str, **context: Any) -> str:
    """Render a report as HTML.

    Args:
        template: Name of its template, which extends `layout.html`.
        context: The variables of the template.
    """
    environment = Environment(
        loader=PackageLoader("accept_reject.experiments.reporting"), autoescape=True, undefined=StrictUndefined
    )
    environment.filters |= {"counted": counted, "inline": _inline, "listed": listed}
    return environment.get_template(template).render(versions=", ".join(versions()), **context)


def versions() -> list[str]:
    """List the versions of the software, such as `numpy 2.3.1`."""
    return [*(f"{name} {metadata.version(name)}" for name in VERSIONS), f"Python {platform.python_version()}"]


def _inline(svg: bytes, name: str) -> Markup:
    """Embed an SVG file in a page, with its name for screen readers."""
    _, tag, drawing = svg.decode().partition("<svg")  # from our own figures, so it needs no escaping
    return Markup('<div class="scroll">{} role="img" aria-label="{}"{}</div>').format(
        Markup(tag), name, Markup(drawing)
    )
