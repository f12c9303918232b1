"""`python -m proofs NAME [COUNT] [SEED]`: runs a proof whole and prints its table."""

import importlib
import sys
import time

WHOLE = {
    "ablation": 5,
    "accuracy": 5,
    "bare_fit": 9,
    "diagnosis": 5,
    "gains": 5,
    "gan": 5,
    "inspection": 1,
    "kills": 100,
    "leaving": 108,
    "mutations": 10_000,
    "ocr": 200,
    "power_cuts": 100,
    "resume": 14,
    "suspects": 2,
    "tampering": 10_000,
    "tuning": 1,
}


def main(name: str, count: str = "", seed: str = "0") -> None:
    if name not in WHOLE:
        sys.exit(f"unknown proof '{name}'. Known: {', '.join(WHOLE)}.")
    begun = time.monotonic()
    rows = importlib.import_module(f"proofs.{name}").run(int(count or WHOLE[name]), int(seed))
    print(f"| {name} | seed {seed} |\n|---|---|")
    for what, number in [*rows, ("seconds", f"{time.monotonic() - begun:.0f}")]:
        print(f"| {what} | {number} |")


if __name__ == "__main__":
    main(*sys.argv[1:])
