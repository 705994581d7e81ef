"""``python -m tests.golden [METHOD ...]``: train again and write the golden files."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.golden.curves import METHODS, train_curve, write_curve


def main() -> None:
    """Write the files of the methods named, by default all."""
    parser = argparse.ArgumentParser(prog="python -m tests.golden", description=__doc__)
    parser.add_argument("methods", nargs="*", metavar="METHOD", help=", ".join(METHODS))
    for method in parser.parse_args().methods or METHODS:
        if method not in METHODS:
            parser.error(f"no method '{method}'; there are {', '.join(METHODS)}")
        with tempfile.TemporaryDirectory() as folder:
            curve = train_curve(method, Path(folder))
        write_curve(method, curve)
        print(f"{method}: loss {curve.losses[0]:.4f} to {curve.losses[-1]:.4f}", flush=True)


if __name__ == "__main__":
    main()
