"""Counts the instructions of benches/instructions.rs and compares them with benches/instructions.json.

    python3 benches/instructions.py            compare; exit code 1 where a count differs by more than the tolerance
    python3 benches/instructions.py --write    replace the expected counts by the new ones

A count that is lower by more than the tolerance fails too: otherwise a later increase back to the old count would go
unnoticed. Needs valgrind and the runner of gungraun, which `make instructions` installs first, and no Python package.
"""

import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXPECTED = ROOT / "benches" / "instructions.json"
TOLERANCE_PERCENT = 3.0


def output(*command):
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def has_avx2():
    try:
        return " avx2" in pathlib.Path("/proc/cpuinfo").read_text()
    except OSError:
        return False


def count():
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    home = target / "gungraun"
    shutil.rmtree(home, ignore_errors=True)
    command = ["cargo", "bench", "--locked", "--bench", "instructions", "--", "--save-summary=json"]
    environment = dict(os.environ, CARGO_TARGET_DIR=str(target), GUNGRAUN_HOME=str(home))
    one_stream = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    run = subprocess.run(command, cwd=ROOT, env=environment, text=True, **one_stream)
    if run.returncode != 0:
        sys.exit(run.stdout + f"\ninstructions: {' '.join(command)} ended with {run.returncode}")
    counts = {}
    for path in sorted(home.rglob("summary.json")):
        summary = json.loads(path.read_text())
        name = f"{summary['function_name']}/{summary['id']}"
        if has_avx2() or not name.endswith("avx2"):
            counts[name] = summary["profiles"][0]["data"]["total"]["metrics"]["Ir"]["values"]["new"]
    if not counts:
        sys.exit(run.stdout + f"\ninstructions: no summary below {home}")
    return counts


def compare(expected, counts, rustc):
    failures = 0
    if expected["rustc"] != rustc:
        print(f"Expected counts are from {expected['rustc']}, new ones from {rustc}: differences may be the compiler's.")
    print(f"{'':34}{'expected':>14}{'counted':>14}   change (at most {TOLERANCE_PERCENT} %)")
    for name in sorted(expected["instructions"] | counts):
        was, now = expected["instructions"].get(name), counts.get(name)
        if now is None and name.endswith("avx2") and not has_avx2():
            print(f"{name:34}{was:14}{'-':>14}   not counted: this CPU has no AVX2")
        elif was is None or now is None:
            failures += 1
            place = "this run" if was is None else "the file of expected counts"
            print(f"{name:34}{was or '-':>14}{now or '-':>14}   FAILED: only in {place}")
        else:
            change = 100.0 * (now - was) / was
            fails = abs(change) > TOLERANCE_PERCENT
            failures += fails
            print(f"{name:34}{was:14}{now:14}   {change:+.2f} %{'  FAILED' if fails else ''}")
    if failures:
        print(f"{failures} counts differ. If this is intended, run `make instructions-baseline` to replace the expected")
        print("counts, and give the reason in the commit message.")
    return failures


def main():
    counts, rustc, machine = count(), output("rustc", "--version"), platform.machine()
    expected = json.loads(EXPECTED.read_text()) if EXPECTED.exists() else {}
    if sys.argv[1:] == ["--write"]:
        expected[machine] = {"rustc": rustc, "instructions": counts}
        EXPECTED.write_text(json.dumps(expected, indent=2, sort_keys=True) + "\n")
        print(f"{len(counts)} counts written to {EXPECTED.relative_to(ROOT)}")
    elif machine not in expected:
        print(f"{EXPECTED.relative_to(ROOT)} has no counts for {machine}: nothing to compare with.")
    elif compare(expected[machine], counts, rustc):
        sys.exit(1)


if __name__ == "__main__":
    main()
