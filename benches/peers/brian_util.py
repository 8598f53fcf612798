"""Helpers of the Brian2 scripts."""

import sys
import os
import re
import shutil
import time
import numpy as np
import brian2 as b2
from brian2 import *
from common import LoadMeter, parser as _parser


def parser(**defaults):
    """The common options, and those of Brian2."""
    options = _parser(**defaults)
    options.add_argument(
        "--repeat",
        type=int,
        default=1,
        help="run the compiled program this many times, each with new random seeds and connections",
    )
    options.add_argument("--dir", default=None, help="folder of the generated program (brian_build/...)")
    return options


def start(args, name):
    """Prepares a C++ standalone program in its own empty folder."""
    # The path must be absolute, because the program runs inside this folder.
    args.dir = os.path.abspath(args.dir or f"brian_build/{name}_t{args.threads}_s{args.scale}")
    shutil.rmtree(args.dir, ignore_errors=True)
    os.makedirs(os.path.dirname(args.dir), exist_ok=True)
    set_device("cpp_standalone", build_on_run=False)
    prefs.devices.cpp_standalone.openmp_threads = args.threads if args.threads > 1 else 0
    prefs.devices.cpp_standalone.extra_make_args_unix = ["-j1"]
    time_file = os.path.join(args.dir, "time.txt")
    prefs.devices.cpp_standalone.run_cmd_unix = ["/usr/bin/time", "-v", "-o", time_file, "./main"]
    defaultclock.dt = args.dt * ms
    return time.perf_counter()


def build_and_run(args, net):
    """Compiles the program and runs it `--repeat` times. Yields for each run: wall times in s to generate and compile
    the program, to simulate, and for the rest of the run; peak memory in MB; the load during the run (a LoadMeter)."""
    build_start = time.perf_counter()
    net.run(
        args.presim * second,
        report=None,
        namespace={k: v for k, v in vars(sys.modules["__main__"]).items() if isinstance(v, (Quantity, float, int))},
    )
    net.run(
        args.bio * second,
        report=None,
        namespace={k: v for k, v in vars(sys.modules["__main__"]).items() if isinstance(v, (Quantity, float, int))},
    )
    device.build(directory=args.dir, compile=True, run=False, debug=False)
    build_s = time.perf_counter() - build_start
    for _ in range(args.repeat):
        load = LoadMeter().start()
        run_start = time.perf_counter()
        device.run(args.dir, with_output=False, run_args=[])
        run_end = time.perf_counter()
        load.stop()
        sim_s = device._last_run_time
        report = open(os.path.join(args.dir, "time.txt")).read()
        rss_mb = int(re.search(r"Maximum resident set size \(kbytes\): (\d+)", report).group(1)) / 1024
        yield build_s, sim_s, (run_end - run_start) - sim_s, rss_mb, load
