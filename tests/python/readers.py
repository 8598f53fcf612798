#!/usr/bin/env python3
"""Reads a recording of lapicque with h5py, libsonata and bmtk, and compares what they give.

    python tests/python/readers.py FILE.h5 [REPORT.h5]

FILE.h5 is the output of `lapicque run`. h5py reads the contents of the file. libsonata and bmtk must give the same
values. The file must also be consistent: order of the spikes, times on the grid and inside the window, activity equal
to the counted spikes. REPORT.h5 is the output of `lapicque export sonata-report`. It must hold the same values as a
trace in FILE.h5. Exits with 1 and a message at the first disagreement.

Needs h5py, libsonata, bmtk and numpy. The libsonata wheel cannot read compressed files (`compress = true`).
"""

import sys

import h5py
import libsonata
import numpy as np
from bmtk.utils.reports.compartment import CompartmentReport
from bmtk.utils.reports.spike_trains import SpikeTrains

MAGIC = 0x0A7A
SORTING = {"none": 0, "by_id": 1, "by_time": 2}


class Disagreement(Exception):
    """Two readers, or two parts of the file, disagree."""


def require(condition, message):
    """Raises a Disagreement with this message unless the condition holds."""
    if not condition:
        raise Disagreement(message)


def require_equal(found, wanted, what):
    """Raises a Disagreement unless two arrays have the same shape and values. Names the first element that differs."""
    found, wanted = np.asarray(found), np.asarray(wanted)
    require(found.shape == wanted.shape, f"{what}: shape {found.shape} instead of {wanted.shape}")
    different = np.flatnonzero((found != wanted).ravel())
    if different.size:
        first = different[0]
        raise Disagreement(
            f"{what}: {different.size} values differ, the first at {first}: "
            f"{found.ravel()[first]!r} instead of {wanted.ravel()[first]!r}"
        )


def check_root(file):
    """Checks the attributes by which SONATA readers and lapicque recognise a file."""
    require(file.attrs["magic"] == MAGIC, f"magic is {file.attrs['magic']:#x} instead of {MAGIC:#x}")
    require(file.attrs["version"].shape == (2,), "version is not a pair of numbers")
    require(file.attrs["format"].startswith("lapicque/"), f"format is {file.attrs['format']!r}")


def recorded_neurons(group):
    """A mask of the neurons whose spikes are recorded."""
    mask = np.zeros(int(group.attrs["size"]), dtype=bool)
    for first, end in group.attrs["recorded"].reshape(-1, 2):
        mask[int(first) : int(end)] = True
    return mask


def check_population_spikes(name, group):
    """Checks the spikes of a population in h5py: types, attributes, window, grid, order. Returns times and ids."""
    timestamps, node_ids = group["timestamps"], group["node_ids"]
    require(timestamps.dtype == np.float64, f"spikes of {name}: timestamps are {timestamps.dtype}")
    require(node_ids.dtype == np.uint64, f"spikes of {name}: node_ids are {node_ids.dtype}")
    units = timestamps.attrs["units"]
    require(units == "ms", f"spikes of {name}: units are {units!r}")
    kind = group.attrs.get_id("sorting").dtype
    require(h5py.check_enum_dtype(kind) == SORTING, f"spikes of {name}: sorting is {kind}, not SONATA's enumeration")
    require(group.attrs["sorting"] == SORTING["by_time"], f"spikes of {name}: sorting is not by_time")

    times, ids = timestamps[:], node_ids[:]
    require(times.shape == ids.shape, f"spikes of {name}: {times.size} times and {ids.size} ids")
    start, stop, dt = (group.attrs[key] for key in ("t_start_ms", "t_stop_ms", "dt_ms"))
    require(((times > start) & (times <= stop)).all(), f"spikes of {name}: some lie outside {start} to {stop} ms")
    ticks = np.rint(times / dt)
    require_equal(times, ticks * dt, f"spikes of {name}: times against tick × dt")
    require((ids < group.attrs["size"]).all(), f"spikes of {name}: ids beyond the population")
    require(recorded_neurons(group)[ids].all(), f"spikes of {name}: neurons that are not recorded")
    order = np.lexsort((ids, ticks))
    require_equal(order, np.arange(order.size), f"spikes of {name}: order of (time, neuron)")
    return times, ids


def check_spikes(path, file):
    """Compares the spikes in h5py, libsonata and bmtk. Returns their number."""
    if not file["spikes"]:
        return 0
    sonata = libsonata.SpikeReader(path)
    bmtk = {"load": SpikeTrains.load(path), "from_sonata": SpikeTrains.from_sonata(path)}
    names = sorted(file["spikes"])
    require(sorted(sonata.get_population_names()) == names, f"libsonata sees {sonata.get_population_names()}, not {names}")
    for how, trains in bmtk.items():
        require(sorted(trains.populations) == names, f"bmtk's {how} sees {trains.populations}, not {names}")
    total = 0
    for name in names:
        times, ids = check_population_spikes(name, file["spikes"][name])
        total += times.size
        population = sonata[name]
        require(population.sorting == "by_time", f"libsonata: {name} is sorted {population.sorting}")
        require(population.time_units == "ms", f"libsonata: {name} is in {population.time_units}")
        columns = population.get_dict()
        require_equal(columns["timestamps"], times, f"libsonata: times of {name}")
        require_equal(columns["node_ids"], ids, f"libsonata: ids of {name}")
        if times.size:
            check_libsonata_queries(name, population, times, ids)
        for how, trains in bmtk.items():
            check_bmtk(f"bmtk's {how}", name, trains, times, ids)
    return total


def check_libsonata_queries(name, population, times, ids):
    """Checks the spikes that libsonata selects by neuron and by time."""
    neuron, (early, late) = ids[ids.size // 2], np.quantile(times, [0.25, 0.75])
    found = population.get(node_ids=[int(neuron)])
    require_equal([time for _, time in found], times[ids == neuron], f"libsonata: times of neuron {neuron} of {name}")
    found = population.get(tstart=early, tstop=late)
    inside = (times >= early) & (times <= late)
    require_equal([time for _, time in found], times[inside], f"libsonata: {name} from {early} to {late} ms")


def check_bmtk(reader, name, trains, times, ids):
    """Checks the spikes that bmtk gives for a whole population and for one neuron."""
    table = trains.to_dataframe(populations=name)
    require(len(table) == times.size, f"{reader}: {len(table)} spikes of {name} instead of {times.size}")
    if not times.size:
        return
    found_times = table["timestamps"].to_numpy(dtype=np.float64)
    found_ids = table["node_ids"].to_numpy(dtype=np.uint64)
    order = np.lexsort((found_ids, found_times))
    require_equal(found_times[order], times, f"{reader}: times of {name}")
    require_equal(found_ids[order], ids, f"{reader}: ids of {name}")
    neuron = ids[ids.size // 2]
    alone = np.sort(trains.get_times(node_id=int(neuron), population=name))
    require_equal(alone, times[ids == neuron], f"{reader}: times of neuron {neuron} of {name}")


def check_activity(file):
    """Compares the activity with the spikes, for each population of which all neurons are recorded."""
    for name, group in file["activity"].items():
        counts, rates = group["spike_count"][:], group["rate"][:]
        start, width, size = (group.attrs[key] for key in ("t_start_ms", "bin_ms", "size"))
        require(counts.dtype == np.uint32 and rates.dtype == np.float64, f"activity of {name}: wrong types")
        require_equal(rates, counts / (size * width * 1e-3), f"activity of {name}: rate against count / (N · bin)")
        spikes = file["spikes"].get(name)
        if spikes is None or not recorded_neurons(spikes).all():
            continue
        dt = spikes.attrs["dt_ms"]
        first, ticks = round(start / dt), np.rint(spikes["timestamps"][:] / dt).astype(np.int64)
        bins = (ticks - first - 1) // round(width / dt)
        wanted = np.bincount(bins[bins < counts.size], minlength=counts.size)
        require_equal(counts, wanted, f"activity of {name}: counts against spikes in (start, end] of each bin")


def check_traces(file):
    """Checks shapes, attributes and values of the traces."""
    for name, group in file["traces"].items():
        for variable, data in group.items():
            what = f"trace of {variable} of {name}"
            require(data.dtype in (np.float64, np.float32), f"{what}: values are {data.dtype}")
            require(data.shape[1:] == data.attrs["node_ids"].shape, f"{what}: shape {data.shape} and ids differ")
            require(data.attrs["interval"] > 0 and isinstance(data.attrs["units"], str), f"{what}: attributes")
            require(np.isfinite(data[:]).all(), f"{what}: values that are not finite")


def check_report(path, recording):
    """Compares a report in h5py, libsonata and bmtk, and with the trace it was made from. Returns its shape."""
    with h5py.File(path) as file:
        check_root(file)
        names = sorted(file["report"])
        require(len(names) == 1, f"a report of {len(names)} populations")
        name = names[0]
        report, mapping = file["report"][name], file["report"][name]["mapping"]
        data, ids = report["data"][:], mapping["node_ids"][:]
        start, stop, step = mapping["time"][:]
        variable, units = report["data"].attrs["variable"], report["data"].attrs["units"]
        require(data.dtype == np.float32, f"{name}: data are {data.dtype}")
        require_equal(mapping["index_pointers"][:], np.arange(ids.size + 1), f"{name}: index_pointers")
        require(mapping["index_pointer"] == mapping["index_pointers"], f"{name}: index_pointer is another dataset")
    times = start + np.arange(len(data)) * step
    for kind in (libsonata.ElementReportReader, libsonata.SomaReportReader):
        reader = f"libsonata.{kind.__name__}"
        require(kind(path).get_population_names() == names, f"{reader}: populations")
        population = kind(path)[name]
        require(population.data_units == units, f"{reader}: units {population.data_units} instead of {units}")
        require_equal(population.get_node_ids(), ids, f"{reader}: nodes")
        frame = population.get()
        found_ids = np.asarray(frame.ids)
        found_ids = found_ids[:, 0] if found_ids.ndim == 2 else found_ids
        require_equal(found_ids, ids, f"{reader}: ids of the columns")
        require_equal(frame.data, data, f"{reader}: values")
        require(np.allclose(frame.times, times, rtol=0, atol=1e-6 * step), f"{reader}: times of the rows")
    bmtk = CompartmentReport(path, mode="r", population=name)
    require_equal(bmtk.node_ids(), ids, "bmtk: nodes")
    require((bmtk.tstart(), bmtk.tstop(), bmtk.dt()) == (start, stop, step), "bmtk: times")
    for column, node in enumerate(ids):
        require_equal(np.ravel(bmtk.data(node_id=int(node))), data[:, column], f"bmtk: values of neuron {node}")
    if variable in recording["traces"].get(name, {}):
        trace = recording["traces"][name][variable]
        require_equal(data, trace[:].astype(np.float32), f"report of {variable} of {name} against the trace")
        require_equal(ids, trace.attrs["node_ids"], f"report of {variable} of {name}: neurons against the trace")
        require(trace.attrs["units"] == units, f"report of {variable} of {name}: units against the trace")
    else:
        raise Disagreement(f"the recording has no trace of {variable} of {name}, which the report holds")
    return data.shape


def main(arguments):
    """Checks the files named on the command line."""
    if len(arguments) not in (1, 2):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        with h5py.File(arguments[0]) as file:
            check_root(file)
            spikes = check_spikes(arguments[0], file)
            check_activity(file)
            check_traces(file)
            print(f"{arguments[0]}: {spikes} spikes, the same in h5py, libsonata and bmtk")
            if len(arguments) == 2:
                rows, neurons = check_report(arguments[1], file)
                print(f"{arguments[1]}: {rows} rows of {neurons} neurons, the same in h5py, libsonata and bmtk")
    except (Disagreement, KeyError, OSError, libsonata.SonataError) as problem:
        print(f"{' '.join(arguments)}: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
