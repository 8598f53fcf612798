#!/usr/bin/env python3
"""Opens a file of ours with the readers people use, and compares what they see with what h5py sees.

    python tests/python/readers.py FILE.h5 [REPORT.h5]

FILE is the output of `lapicque run`, REPORT of `lapicque export sonata-report FILE.h5`. Readers: h5py, libsonata, bmtk.
Prints one line per comparison and ends with status 1 if any fails.
"""

import sys
import traceback

import h5py
import libsonata
import numpy as np
from bmtk.utils.reports import CompartmentReport
from bmtk.utils.reports.spike_trains import SpikeTrains

SONATA_MAGIC = 0x0A7A


def same(name, seen, expected):
    seen, expected = np.asarray(seen), np.asarray(expected)
    assert seen.shape == expected.shape, f"{name}: shape {seen.shape}, h5py has {expected.shape}"
    different = np.flatnonzero((seen != expected).ravel())
    assert not len(different), (
        f"{name}: {len(different)} values differ, the first at {different[0]}: "
        f"{seen.ravel()[different[0]]}, h5py has {expected.ravel()[different[0]]}"
    )


def populations(path, group):
    """What h5py reads: {population: (times, node ids)} of a file with spikes, group by group as stored."""
    with h5py.File(path) as file:
        return {name: (g["timestamps"][:], g["node_ids"][:]) for name, g in file[group].items()}


def layout(path):
    with h5py.File(path) as file:
        assert file.attrs["magic"] == SONATA_MAGIC, "magic"
        assert len(file.attrs["version"]) == 2, "version"
        assert file.attrs["format"] in ("lapicque/1", b"lapicque/1"), file.attrs["format"]
        total = 0
        for name, group in file["spikes"].items():
            times, ids = group["timestamps"][:], group["node_ids"][:]
            assert group["timestamps"].attrs["units"] in ("ms", b"ms"), "units"
            assert times.dtype == np.float64 and ids.dtype == np.uint64, (times.dtype, ids.dtype)
            assert len(times) == len(ids), f"{name}: {len(times)} times, {len(ids)} ids"
            assert np.all(ids < group.attrs["size"]), f"{name}: a node id beyond its population"
            start, stop, dt = (group.attrs[key] for key in ("t_start_ms", "t_stop_ms", "dt_ms"))
            assert np.all((times > start) & (times <= stop)), f"{name}: a spike outside {start}..{stop} ms"
            assert np.all(times == np.rint(times / dt) * dt), f"{name}: a time is not a multiple of dt"
            assert np.array_equal(np.lexsort((ids, times)), np.arange(len(ids))), f"{name}: order of time, id"
            total += len(times)
        assert total > 0, "no spikes at all: nothing is compared"
        for name, group in file.get("activity", {}).items():
            counts = group["spike_count"][:]
            if name in file["spikes"] and len(file[f"spikes/{name}/timestamps"]):
                assert counts.sum() == len(file[f"spikes/{name}/timestamps"]), f"{name}: activity counts other spikes"


def libsonata_spikes(path):
    expected = populations(path, "spikes")
    reader = libsonata.SpikeReader(path)
    assert set(reader.get_population_names()) == set(expected), reader.get_population_names()
    for name, (times, ids) in expected.items():
        population = reader[name]
        assert population.sorting == "by_time", population.sorting
        assert population.time_units == "ms", population.time_units
        seen = population.get_dict()
        same(f"{name} timestamps", seen["timestamps"], times)
        same(f"{name} node_ids", seen["node_ids"], ids)
        if len(times):
            low, high = times[0], times[len(times) // 2]
            inside = (times >= low) & (times <= high)
            assert len(population.get(tstart=low, tstop=high)) == inside.sum(), f"{name}: spikes of a time window"
            one = int(ids[-1])
            assert len(population.get(node_ids=[one])) == (ids == one).sum(), f"{name}: spikes of one neuron"


def bmtk_spikes(path):
    expected = populations(path, "spikes")
    trains = SpikeTrains.from_sonata(path)
    assert set(trains.populations) == {name for name, (times, _) in expected.items()}, trains.populations
    for name, (times, ids) in expected.items():
        for neuron in np.unique(ids)[:20]:
            seen = np.sort(trains.get_times(node_id=int(neuron), population=name))
            same(f"{name} neuron {neuron}", seen, times[ids == neuron])
        assert trains.n_spikes(population=name) == len(times), f"{name}: {trains.n_spikes(population=name)} spikes"


def libsonata_report(path):
    reader = libsonata.ElementReportReader(path)
    with h5py.File(path) as file:
        assert set(reader.get_population_names()) == set(file["report"]), reader.get_population_names()
        for name, group in file["report"].items():
            frame = reader[name].get()
            data = group["data"][:]
            same(f"{name} data", frame.data, data)
            start, stop, step = group["mapping/time"][:]
            assert reader[name].times == (start, stop, step), reader[name].times
            assert len(frame.times) == len(data), f"{name}: {len(frame.times)} times, {len(data)} rows"
            assert np.allclose(frame.times, start + step * np.arange(len(data)), rtol=0, atol=1e-9), f"{name}: times"
            same(f"{name} node ids", reader[name].get_node_ids(), np.unique(group["mapping/node_ids"][:]))


def bmtk_report(path):
    with h5py.File(path) as file:
        for name, group in file["report"].items():
            report = CompartmentReport(path, "r", population=name, default_population=name)
            data = group["data"][:]
            for column, neuron in enumerate(group["mapping/node_ids"][:]):
                seen = report.data(node_id=int(neuron), sections="origin")  # "all" needs where on a dendrite it was
                rows = len(seen)  # bmtk counts them as (stop - start) / step, rounded down
                assert rows >= len(data) - 1, f"{name}: {rows} rows, h5py has {len(data)}"
                same(f"{name} neuron {neuron}", np.ravel(seen), data[:rows, column])


def report_equals_traces(path, source):
    """The report holds the traces of the run: f32 of what the file has in f64."""
    with h5py.File(path) as report, h5py.File(source) as file:
        for name, group in report["report"].items():
            data = group["data"][:]
            stored = [v[:].astype(np.float32) for v in file[f"traces/{name}"].values() if v.shape == data.shape]
            assert any(np.array_equal(data, v) for v in stored), f"{name}: no trace of the run has these values"


def main(path, report=None):
    comparisons = [(layout, path), (libsonata_spikes, path), (bmtk_spikes, path)]
    if report:
        comparisons += [(libsonata_report, report), (bmtk_report, report), (report_equals_traces, report, path)]
    failed = 0
    for function, *arguments in comparisons:
        try:
            function(*arguments)
            print(f"ok      {function.__name__}")
        except Exception:
            failed += 1
            print(f"FAILED  {function.__name__}\n{traceback.format_exc()}")
    print(f"{len(comparisons) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
