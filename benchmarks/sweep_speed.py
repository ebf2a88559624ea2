"""Speed of a sweep on two idle cores compared with one: wall time of the whole command, including start-up."""

import subprocess
import sys
import tempfile
import time

SWEEP = ["meta_orthogonal", "seeds=8", "updates=60", "device=cpu"]
REPEATS = 2


def seconds(jobs: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "accept_reject.experiments.cli", "sweep", *SWEEP, f"jobs={jobs}"]
        begin = time.perf_counter()
        subprocess.run([*command, "--out", folder], check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - begin


if __name__ == "__main__":
    found = [(seconds(1), seconds(2)) for _ in range(REPEATS)]  # interleaved, because other load may vary
    for one, two in found:
        print(f"{SWEEP[1]} on one core {one:.1f} s, on two {two:.1f} s: {one / two:.2f} times as fast")
