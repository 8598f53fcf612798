import sys
import os
import re
import shutil
import time
import numpy as np
import brian2 as b2
from brian2 import *
from common import LoadMeter, parser as _parser


def parser(**k):
    p = _parser(**k)
    p.add_argument(
        "--repeat",
        type=int,
        default=1,
        help="run the compiled binary this many times (fresh random seeds, fresh connectivity)",
    )
    p.add_argument("--dir", default=None)
    return p


def start(a, name):
    a.dir = os.path.abspath(a.dir or f"brian_build/{name}_t{a.threads}_s{a.scale}")  # the program runs inside it
    shutil.rmtree(a.dir, ignore_errors=True)
    os.makedirs(os.path.dirname(a.dir), exist_ok=True)
    set_device("cpp_standalone", build_on_run=False)
    prefs.devices.cpp_standalone.openmp_threads = a.threads if a.threads > 1 else 0
    prefs.devices.cpp_standalone.extra_make_args_unix = ["-j1"]
    prefs.devices.cpp_standalone.run_cmd_unix = ["/usr/bin/time", "-v", "-o", os.path.join(a.dir, "time.txt"), "./main"]
    defaultclock.dt = a.dt * ms
    return time.perf_counter()


def build_and_run(a, net):
    """yields (build_s, compile_s, sim_s, rss_mb, meter) per binary run"""
    t0 = time.perf_counter()
    net.run(
        a.presim * second,
        report=None,
        namespace={k: v for k, v in vars(sys.modules["__main__"]).items() if isinstance(v, (Quantity, float, int))},
    )
    net.run(
        a.bio * second,
        report=None,
        namespace={k: v for k, v in vars(sys.modules["__main__"]).items() if isinstance(v, (Quantity, float, int))},
    )
    device.build(directory=a.dir, compile=True, run=False, debug=False)
    t_build = time.perf_counter() - t0
    for r in range(a.repeat):
        m = LoadMeter().start()
        t1 = time.perf_counter()
        device.run(a.dir, with_output=False, run_args=[])
        t2 = time.perf_counter()
        m.stop()
        sim_s = device._last_run_time
        tx = open(os.path.join(a.dir, "time.txt")).read()
        rss = int(re.search(r"Maximum resident set size \(kbytes\): (\d+)", tx).group(1)) / 1024
        yield t_build, sim_s, (t2 - t1) - sim_s, rss, m
