"""Optional dependencies, with a one-line error message that names the extra to install."""

from __future__ import annotations

from importlib.util import find_spec


class MissingExtraError(ImportError):
    """Raised if a package of an optional extra is not installed."""


def require(what: str, extra: str, *modules: str) -> None:
    """Check that the packages of an extra are installed.

    Args:
        what: The module or feature that requires them, for the message.
        extra: Name of the extra, as in `pip install 'accept-reject[extra]'`.
        modules: Import names of the packages.

    Raises:
        MissingExtraError: If one of them is missing.
    """
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise MissingExtraError(
            f"{what}: requires {', '.join(missing)}; run: pip install 'accept-reject[{extra}]'", name=missing[0]
        )
