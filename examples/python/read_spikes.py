#!/usr/bin/env python3
"""Reads a file written by lapicque: firing rates with h5py, and spike trains for Neo and Elephant.

    python examples/python/read_spikes.py out/inhibitory_oscillation.h5

Needs h5py and numpy, and neo for the spike trains (pip install h5py neo). The spikes of a population are two datasets
in /spikes/POPULATION, sorted by time: timestamps in ms, and node_ids, which count from 0 in the population.
"""

import argparse

import h5py
import numpy as np


def spike_trains(group, neurons):
    """One neo.SpikeTrain for each of the neurons, including silent ones. `group` is /spikes/POPULATION."""
    import neo

    times, ids = group["timestamps"][:], group["node_ids"][:]
    order = np.argsort(ids, kind="stable")  # sorted by neuron, and for each neuron still by time
    times, ids = times[order], ids[order]
    starts, ends = np.searchsorted(ids, neurons), np.searchsorted(ids, neurons, side="right")
    span = {"t_start": group.attrs["t_start_ms"], "t_stop": group.attrs["t_stop_ms"]}
    return [neo.SpikeTrain(times[a:b], units="ms", id=i, **span) for i, a, b in zip(neurons, starts, ends)]


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("file")
    arguments.add_argument("--trains", type=int, default=100, help="neurons per population to make trains of (100)")
    options = arguments.parse_args()

    with h5py.File(options.file) as file:
        for name, group in file["spikes"].items():
            size, count = int(group.attrs["size"]), len(group["timestamps"])
            seconds = (group.attrs["t_stop_ms"] - group.attrs["t_start_ms"]) / 1000
            rate = count / (size * seconds) if seconds > 0 else float("nan")
            print(f"{name}: {size} neurons, {count} spikes in {seconds:g} s, {rate:.3f} Hz")

            try:
                trains = spike_trains(group, np.arange(min(size, options.trains)))
            except ImportError:
                print("  neo is not installed: no spike trains")
                continue
            print(f"  {len(trains)} spike trains")
            for train in sorted(trains, key=len, reverse=True)[:3]:
                times = " ".join(f"{time:.1f}" for time in train.magnitude[:5])
                print(f"  neuron {train.annotations['id']}: {len(train)} spikes; first times in ms: {times or 'none'}")


if __name__ == "__main__":
    main()
