"""Leave links below `.venv/static` that show static tools the package as setup.py maps it."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STATIC = ROOT / ".venv" / "static" / "accept_reject"

if STATIC.is_symlink():
    STATIC.unlink()  # of an earlier layout
STATIC.mkdir(parents=True, exist_ok=True)
parts = [*(ROOT / "accept_reject").glob("*.py"), ROOT / "accept_reject" / "py.typed"]
for path in [*parts, *(ROOT / folder for folder in ("envs", "agents", "experiments", "web", "configs"))]:
    link = STATIC / path.name
    link.unlink(missing_ok=True)
    link.symlink_to(path)
