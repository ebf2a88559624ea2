"""The command line, called in this process: a new one takes seconds to import everything."""

import io
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

from accept_reject.experiments import cli


class Done(NamedTuple):
    """The exit code and what was printed."""

    returncode: int
    stdout: str
    stderr: str


def accept_reject(*arguments: object, cwd: Path) -> Done:
    """Call `accept-reject` in a folder. An error that would end in a traceback is raised."""
    code, out, err = 0, io.StringIO(), io.StringIO()
    argv = ["accept-reject", *map(str, arguments)]
    with chdir(cwd), patch("sys.argv", argv), redirect_stdout(out), redirect_stderr(err):
        try:
            cli.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    return Done(code, out.getvalue(), err.getvalue())
