"""Networks fitted to one signal each, a region of it unpunished: the conditions and the fits (III).

What their errors say of the paper's claims is in `region_errors`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ecglib.data.records import Records, Unsuited
from ecglib.experiments.processes import ECG, LENGTH_S, Original, Process, trajectory
from ecglib.fits import ensemble_size, resolve_device, run
from ecglib.measures import r_peaks
from ecglib.nets.unpunished import BAD, GOOD, UnpunishedFit, fit_unpunished, shared_settings

NETS = {"good": GOOD, "bad": BAD}  # the paper's two networks by name: the middle pool p
PUBLISHED_LENGTH = 5000  # samples: of the signals whose regions the paper gives
STANDARD = (1000, 4900)  # of so many: the published region, which leaves about two cycles observed
LONGEST_SHARE = 0.9  # of a record that may be observed
MODEL_BYTES = 24e6  # memory of one network while it is fitted, with room to spare


@dataclass(frozen=True)
class Condition:
    """How a network is fitted, whatever the record.

    p, arm: as of `UnpunishedFit`. process: what is drawn in the record's place.
    region: the unpunished samples [start, end) of a signal of 5000, used where `cycles` is None;
        of a shorter one it is the same share.
    cycles: how many of the record's median RR intervals are observed, all of the rest unpunished.
    place: where the observed part lies, at the record's "start" or at its "end".
    length_s: length scale of the process, s. first: only that many of the records.

    Raises TypeError for a process that is only a name.
    """

    p: int = GOOD
    process: Process = ECG
    arm: str = "whole"
    region: tuple[int, int] = STANDARD
    cycles: float | None = None
    place: str = "start"
    length_s: float = LENGTH_S
    first: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.process, Process):
            raise TypeError(
                f"{self.process!r} is no process: give a `Process`, such as those of "
                "ecglib.experiments.processes."
            )


@dataclass(frozen=True)
class RegionStudy:
    """The records of section III, as its networks take them.

    signals: (records, samples) microvolts, the baseline as recorded. fs: Hz.
    ids, source: as of `Records`. r_peaks: for each record (beats,) samples, found by detector,
    since LUDB leaves its first and last beats without annotation. rr: (records,) median RR
    interval, samples. left_out: records without a rhythm, too slow for the longest mask, or flat in
    a part whose error is measured.
    steps, seed, device: of every fit; the record at place i has the seed `seed + i`.
    """

    signals: np.ndarray
    fs: float
    ids: tuple[str, ...]
    source: str
    r_peaks: tuple[np.ndarray, ...]
    rr: np.ndarray
    left_out: tuple[str, ...]
    steps: int
    seed: int
    device: str

    def __len__(self) -> int:
        return len(self.signals)


@dataclass(frozen=True)
class RegionOutcome:
    """What became of one condition, record by record.

    signals, reconstructions: (records, samples), microvolts. regions: (records, 2), samples.
    inside, outside: (records,) mean squared error over the part's own length and variance.
    published_inside, published_outside: (records,) the authors' columns, microvolts squared, as
        `fit_unpunished` explains them.
    """

    signals: np.ndarray
    reconstructions: np.ndarray
    regions: np.ndarray
    inside: np.ndarray
    outside: np.ndarray
    published_inside: np.ndarray
    published_outside: np.ndarray

    @property
    def errors(self) -> dict[str, np.ndarray]:
        """The errors by part."""
        return {"inside": self.inside, "outside": self.outside}


def prepare_study(
    records: Records,
    n_records: int | None,
    *,
    longest_cycles: float,
    shortest_cycles: float | None = None,
    regions: Sequence[tuple[int, int]] = (STANDARD,),
    steps: int,
    seed: int,
    device: str,
) -> RegionStudy:
    """The first `n_records` records that have a rhythm and room for the longest observed part.

    n_records: None for all. longest_cycles: so many of their median RR intervals must fit into
    nine tenths of them. shortest_cycles: where regions by cycles are tried, the fewest observed.
    regions: as of `Condition`; records flat in or outside one are left out, for no error can be
    set against their variance there. steps, seed, device: as of `RegionStudy`.

    Raises Unsuited where no record is left.
    """
    samples = records.signals.shape[1]
    peaks = [r_peaks(signal, records.fs) for signal in records.signals]
    rr = np.array([np.median(np.diff(found)) if len(found) > 2 else np.inf for found in peaks])
    usable = longest_cycles * rr <= LONGEST_SHARE * samples
    for i in np.flatnonzero(usable):
        bounds = [_scaled(region, samples) for region in regions]
        if shortest_cycles is not None:
            for observed in (round(n * rr[i]) for n in (shortest_cycles, longest_cycles)):
                bounds += [(observed, samples), (0, samples - observed)]
        usable[i] = not any(_flat(records.signals[i], *bound) for bound in bounds)
    if not usable.any():
        few = "" if shortest_cycles is None else f"the {shortest_cycles:g} cycles at either end or "
        raise Unsuited(
            f"at least one record is needed with 3 R peaks, room for {longest_cycles:g} of its "
            f"cycles in {LONGEST_SHARE:.0%} of its length, and a signal that is not flat in {few}"
            f"a region tried; of the {len(records)} of {records.source}, each of "
            f"{samples / records.fs:.3g} s, there is none."
        )
    chosen = np.flatnonzero(usable)[:n_records]
    enough = n_records is not None and len(chosen) == n_records
    passed = np.flatnonzero(~usable[: chosen[-1] + 1] if enough else ~usable)
    return RegionStudy(
        signals=1000.0 * records.signals[chosen].astype(np.float64),
        fs=records.fs,
        ids=tuple(records.ids[i] for i in chosen),
        source=records.source,
        r_peaks=tuple(peaks[i] for i in chosen),
        rr=rr[chosen],
        left_out=tuple(records.ids[i] for i in passed),
        steps=steps,
        seed=seed,
        device=device,
    )


def _scaled(region: tuple[int, int], samples: int) -> tuple[int, int]:
    """A region of a signal of 5000 samples in one of so many."""
    start, end = (round(at * samples / PUBLISHED_LENGTH) for at in region)
    return start, end


def _flat(signal: np.ndarray, start: int, end: int) -> bool:
    """Whether a signal does not change in the region [start, end), or outside of it."""
    outside = np.concatenate([signal[:start], signal[end:]])
    return any(len(part) == 0 or np.ptp(part) == 0 for part in (signal[start:end], outside))


def one_record(study: RegionStudy, record: int) -> RegionStudy:
    """The study of a single record, with the weights and trajectories it has in the whole one."""
    here = slice(record, record + 1)
    return replace(
        study,
        signals=study.signals[here],
        ids=study.ids[here],
        r_peaks=study.r_peaks[here],
        rr=study.rr[here],
        seed=study.seed + record,
    )


def region_of(study: RegionStudy, condition: Condition, record: int) -> tuple[int, int]:
    """The unpunished region [start, end) of a record under a condition, in samples."""
    samples = study.signals.shape[1]
    if condition.cycles is None:
        return _scaled(condition.region, samples)
    observed = round(condition.cycles * study.rr[record])
    return (observed, samples) if condition.place == "start" else (0, samples - observed)


def signal_of(study: RegionStudy, condition: Condition, record: int) -> np.ndarray:
    """What a record's network is fitted to: (samples,), microvolts.

    A trajectory depends on the record, the process's name and the record's seed.
    """
    original = Original(study.signals[record], study.fs, study.r_peaks[record])
    rng = np.random.default_rng([study.seed + record, *condition.process.name.encode()])
    return trajectory(condition.process, original, condition.length_s, rng)


def specs_of(study: RegionStudy, condition: Condition) -> list[UnpunishedFit]:
    """One fit a record."""
    return [
        UnpunishedFit(
            signal_of(study, condition, record),
            *region_of(study, condition, record),
            condition.p,
            steps=study.steps,
            seed=study.seed + record,
            arm=condition.arm,
            record=f"{study.ids[record]}, {condition.process.name}",
            device=study.device,
        )
        for record in range(len(study))[: condition.first]
    ]


def fit_conditions(
    study: RegionStudy, conditions: Sequence[Condition], label: str = ""
) -> dict[Condition, RegionOutcome]:
    """Fit the networks of all conditions, each condition once.

    label: name of the sweep, for the progress bar and for errors.

    Raises as `run` and `UnpunishedFit` do.
    """
    specs = {condition: specs_of(study, condition) for condition in dict.fromkeys(conditions)}
    fits = run(
        fit_unpunished,
        [spec for of_one in specs.values() for spec in of_one],
        batch=ensemble_size(MODEL_BYTES, resolve_device(study.device)),
        by=shared_settings,
        label=label,
    )
    results = iter(fits)
    return {
        condition: _outcome(of_one, [next(results) for _ in of_one])
        for condition, of_one in specs.items()
    }


def _outcome(specs: Sequence[UnpunishedFit], results: Sequence[dict]) -> RegionOutcome:
    def numbers(name: str) -> np.ndarray:
        return np.array([float(result[name]) for result in results])

    return RegionOutcome(
        signals=np.stack([spec.signal for spec in specs]),
        reconstructions=np.stack([result["reconstruction"] for result in results]),
        regions=np.array([(spec.start, spec.end) for spec in specs]),
        inside=numbers("inside_error"),
        outside=numbers("outside_error"),
        published_inside=numbers("published_inside"),
        published_outside=numbers("published_outside"),
    )
