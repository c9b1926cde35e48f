"""How long a user waits: imports, help, and the second start to the first batch.

python benchmarks/start_up.py [--json]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

EXAMPLES = Path(__file__).parent.parent / "examples"
FIRST_BATCH = """
import sys, time
start = time.perf_counter()
from eventsim import run, training
from eventsim.config import load_config
class Done(Exception): pass
def stop(epoch, progress): raise Done
config = load_config(sys.argv[1], ["data.limit_train=2000"])
try:
    training.train(config, run.load_run_dataset(config), on_batch=stop)
except Done:
    print(time.perf_counter() - start)
"""


def seconds(command: list[str]) -> float:
    """Return the wall time of a command."""
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def measure() -> dict[str, float]:
    """Return medians of five runs of each."""
    python = sys.executable
    script = Path(sys.executable).parent
    commands = {
        "python, bare": [python, "-c", "pass"],
        "import eventsim": [python, "-c", "import eventsim"],
        "import hwmodel": [python, "-c", "import hwmodel"],
        "eventsim --help": [str(script / "eventsim"), "--help"],
        "hwmodel --help": [str(script / "hwmodel"), "--help"],
    }
    result = {k: median(seconds(c) for _ in range(5)) for k, c in commands.items()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "first_batch.py"
        path.write_text(FIRST_BATCH)
        for name in ("mnist_ttfs", "mnist_ttfs_cnn"):
            command = [python, str(path), str(EXAMPLES / f"{name}.yaml")]
            seconds(command)  # fill the kernel cache
            waits = [seconds(command) for _ in range(3)]
            key = f"{name}: process start to first batch, second start"
            result[key] = median(waits)
    return result


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    rows = measure()
    if args.json:
        print(json.dumps(rows, indent=2))
        return
    for name, value in rows.items():
        print(f"{value:7.3f} s  {name}")


if __name__ == "__main__":
    main()
