"""The paper's three conditions for the effect, each met or not: eight cells (section III, C16).

A cell is a triple of bool: the pattern repeats, a whole period is observed, the compression is
moderate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from scipy.stats import rankdata, wilcoxon

from ecglib.data.records import Records
from ecglib.estimates import Estimate, bootstrap, change_point, resampled, weighted_mean
from ecglib.experiments.processes import GAUSSIAN, LENGTH_S, trajectory
from ecglib.fits import ensemble_size, resolve_device, run
from ecglib.measures import r_peaks
from ecglib.nets.unpunished import BAD, GOOD, UnpunishedFit, fit_unpunished, group

ECG = "ECG"
STANDARD = (1000, 4900)  # samples: the published region that leaves about two cycles observed
LONGEST_SHARE = 0.9  # of a record that may be observed
MODEL_BYTES = 24e6  # memory of one network while it is fitted, with room to spare


@dataclass(frozen=True)
class Condition:
    """How a network is fitted, whatever the record.

    p: the middle pool. process: ECG, or a process with the record's mean and variance.
    arm: what the network is fed, see `UnpunishedFit`.
    region: the unpunished samples [start, end), used where `cycles` is None.
    cycles: how many of the record's median RR intervals are observed, all of the rest unpunished.
    place: where the observed part lies, at the record's "start" or at its "end".
    length_s: length scale of the process, s. first: only that many of the records.
    """

    p: int = GOOD
    process: str = ECG
    arm: str = "whole"
    region: tuple[int, int] = STANDARD
    cycles: float | None = None
    place: str = "start"
    length_s: float = LENGTH_S
    first: int | None = None


@dataclass(frozen=True)
class RegionStudy:
    """The records of section III, as its networks take them.

    signals: (records, samples) microvolts, the baseline as recorded. fs: Hz.
    ids, source: as of `Records`. r_peaks: for each record (beats,) samples, found by detector,
    since LUDB leaves its first and last beats without annotation. rr: (records,) median RR
    interval, samples. left_out: records without a rhythm, or too slow for the longest mask.
    steps, seed, device: of every fit.
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
    published_inside, published_outside: (records,) the authors' columns, microvolts squared: the
    training loss with its penalty, and the error inside over the whole length.
    """

    signals: np.ndarray
    reconstructions: np.ndarray
    regions: np.ndarray
    inside: np.ndarray
    outside: np.ndarray
    published_inside: np.ndarray
    published_outside: np.ndarray


def prepare(
    records: Records,
    n_records: int | None,
    *,
    longest_cycles: float,
    steps: int,
    seed: int,
    device: str,
) -> RegionStudy:
    """The first `n_records` records that have a rhythm and room for the longest observed part.

    Records need 3 R peaks, and `longest_cycles` of their median RR intervals must fit into nine
    tenths of them. Raises ValueError where no record does.
    """
    peaks = [r_peaks(signal, records.fs) for signal in records.signals]
    rr = np.array([np.median(np.diff(found)) if len(found) > 2 else np.inf for found in peaks])
    usable = longest_cycles * rr <= LONGEST_SHARE * records.signals.shape[1]
    if not usable.any():
        raise ValueError(
            f"no record of {records.source} has 3 R peaks and room for {longest_cycles:g} cycles; "
            "give longer records or fewer cycles."
        )
    chosen = np.flatnonzero(usable)[:n_records]
    passed = np.flatnonzero(~usable[: chosen[-1] + 1])
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


def region_of(study: RegionStudy, condition: Condition, record: int) -> tuple[int, int]:
    """The unpunished region [start, end) of a record under a condition, in samples."""
    if condition.cycles is None:
        return condition.region
    samples = study.signals.shape[1]
    observed = round(condition.cycles * study.rr[record])
    return (observed, samples) if condition.place == "start" else (0, samples - observed)


def signal_of(study: RegionStudy, condition: Condition, record: int) -> np.ndarray:
    """What a record's network is fitted to: (samples,), microvolts.

    A trajectory depends on the record, the process and `study.seed` plus the record's place.
    """
    signal = study.signals[record]
    if condition.process == ECG:
        return signal
    rng = np.random.default_rng([study.seed + record, *condition.process.encode()])
    peaks = study.r_peaks[record]
    return trajectory(condition.process, signal, study.fs, rng, peaks, condition.length_s)


def specs_of(study: RegionStudy, condition: Condition) -> list[UnpunishedFit]:
    """One fit a record."""
    specs = []
    for record in range(len(study))[: condition.first]:
        start, end = region_of(study, condition, record)
        specs.append(
            UnpunishedFit(
                signal_of(study, condition, record),
                start,
                end,
                condition.p,
                steps=study.steps,
                seed=study.seed + record,
                arm=condition.arm,
                record=f"{study.ids[record]}, {condition.process}",
                device=study.device,
            )
        )
    return specs


def fit(
    study: RegionStudy, conditions: Sequence[Condition], label: str = ""
) -> dict[Condition, RegionOutcome]:
    """Fit the networks of all conditions; raises as `run` and `UnpunishedFit` do."""
    wanted = {condition: specs_of(study, condition) for condition in dict.fromkeys(conditions)}
    specs = [spec for some in wanted.values() for spec in some]
    size = ensemble_size(MODEL_BYTES, resolve_device(study.device))
    results = iter(run(fit_unpunished, specs, batch=size, group=group, label=label))
    outcomes = {}
    for condition, some in wanted.items():
        own = [next(results) for _ in some]
        outcomes[condition] = RegionOutcome(
            signals=np.stack([spec.signal for spec in some]),
            reconstructions=np.stack([result["reconstruction"] for result in own]),
            regions=np.array([(spec.start, spec.end) for spec in some]),
            inside=np.array([float(result["inside_error"]) for result in own]),
            outside=np.array([float(result["outside_error"]) for result in own]),
            published_inside=np.array([float(result["published_inside"]) for result in own]),
            published_outside=np.array([float(result["published_outside"]) for result in own]),
        )
    return outcomes


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


OVER_VARIANCE = "error over variance"
PARTS = ("inside", "outside")


def mean_errors(outcome: RegionOutcome) -> dict[str, Estimate]:
    """Mean error over records of either part, over its variance, by "inside" and "outside"."""
    return {part: bootstrap(getattr(outcome, part), unit=OVER_VARIANCE) for part in PARTS}


def paired(first: RegionOutcome, second: RegionOutcome, part: str) -> Estimate:
    """Mean over records of the second outcome's error less the first's; part: a field's name."""
    unit = OVER_VARIANCE if part in PARTS else "microvolts squared"
    return bootstrap(getattr(second, part) - getattr(first, part), unit=unit)


def paired_by_part(
    first: RegionOutcome, others: Mapping[str, RegionOutcome]
) -> dict[str, dict[str, Estimate]]:
    """Of either part, by "inside" and "outside", each named outcome's error less the first's."""
    return {
        part: {name: paired(first, other, part) for name, other in others.items()} for part in PARTS
    }


def paired_row(ecg: RegionOutcome, process: RegionOutcome, part: str) -> dict[str, object]:
    """A table's row: mean of either, the paired difference, its effect size and its rank test.

    The effect size is the matched-pairs rank correlation: 1 where every record's difference is
    positive, -1 where each is negative; the test is Wilcoxon's signed-rank test, two-sided.
    """
    errors = getattr(ecg, part), getattr(process, part)
    difference = errors[1] - errors[0]
    ranks = rankdata(np.abs(difference))
    p = wilcoxon(difference).pvalue if np.any(difference) else 1.0
    return {
        "ECG": float(errors[0].mean()),
        "process": float(errors[1].mean()),
        "difference": paired(ecg, process, part),
        "rank correlation": float((ranks * np.sign(difference)).sum() / ranks.sum()),
        "rank test p": f"{p:.1g}",
    }


def process_evidence(differences: Mapping[str, Mapping[str, Estimate]]) -> dict[str, Estimate]:
    """C11's and C12's evidence from `paired_by_part` of processes with their ECGs.

    Only the Gaussian processes count, under "inside/squared exponential" and so on.
    """
    return {f"{part}/{name}": differences[part][name] for part in PARTS for name in GAUSSIAN}


def stability(effects: Mapping[str, np.ndarray]) -> dict[str, Estimate]:
    """C15's evidence: the share of records in which each claim's effect (records,) is above zero.

    "share/C10" and so on, and the least of them under "least_share".
    """
    shares = {
        f"share/{claim}": bootstrap((values > 0).astype(float), unit="share of records")
        for claim, values in effects.items()
    }
    return shares | {"least_share": min(shares.values(), key=lambda e: e.value)}


def curve(outcomes: Sequence[RegionOutcome], part: str = "inside") -> np.ndarray:
    """Errors of outcomes that differ in one setting, (records, settings)."""
    return np.stack([getattr(outcome, part) for outcome in outcomes], axis=1)


def drops(cycles: Sequence[float], inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each record's drop of the error from the fewest cycles observed to one, and from there on.

    cycles: (settings,) rising, 1 among them. inside: (records, settings). Returns two (records,).
    Raises ValueError where not both sides of one cycle were tried.
    """
    cycles = list(cycles)
    if 1.0 not in cycles[1:-1] or cycles != sorted(cycles):
        raise ValueError(f"cycles must rise and pass 1, which {cycles} do not; add 1 to them.")
    one = cycles.index(1.0)
    return inside[:, 0] - inside[:, one], inside[:, one] - inside[:, -1]


def drop_ratio(cycles: Sequence[float], inside: np.ndarray) -> Estimate:
    """Mean drop across the first cycle over the mean drop after it; infinite where none is left."""
    first, after = drops(cycles, inside)

    def ratio(weights: np.ndarray) -> float:
        before, rest = (weighted_mean(x, weights[0].astype(float)) for x in (first, after))
        if rest <= 0:
            return np.inf if before > 0 else np.nan
        return before / rest

    return resampled(ratio, np.arange(len(inside)), unit="ratio of drops")


def outside_slope(shares: np.ndarray, outside: np.ndarray) -> Estimate:
    """Slope of the outside error against the unpunished share of the signal, mean over records.

    shares, outside: (records, settings). The slope's unit is error over variance for the whole
    signal.
    """
    x = shares - shares.mean(axis=1, keepdims=True)
    slopes = (x * outside).sum(axis=1) / (x * x).sum(axis=1)
    return bootstrap(slopes, unit=OVER_VARIANCE)


def switch_evidence(cycles: Sequence[float], inside: np.ndarray) -> dict[str, Estimate]:
    """C13's evidence: the ratio of drops, and where the mean curve bends, in cycles."""
    return {
        "drop_ratio": drop_ratio(cycles, inside),
        "change_point": change_point(np.asarray(cycles), inside, unit="cycles"),
    }


Cell = tuple[bool, bool, bool]
ALL_THREE: Cell = (True, True, True)


def cells() -> dict[Cell, Condition]:
    """How the networks of each cell are fitted: to an ECG or to the paper's process, and so on."""
    return {
        (repeats, period, moderate): Condition(
            p=GOOD if moderate else BAD,
            process=ECG if repeats else GAUSSIAN[0],
            cycles=2.0 if period else 0.5,
        )
        for repeats, period, moderate in product((True, False), repeat=3)
    }


def name_of(cell: Cell) -> str:
    """A cell in words."""
    repeats, period, moderate = cell
    return (
        f"{'ECG' if repeats else 'process'}, {'2 cycles' if period else '½ cycle'}, "
        f"p = {GOOD if moderate else BAD}"
    )


def effects(outcomes: Mapping[Cell, RegionOutcome]) -> dict[str, Estimate]:
    """C16's evidence from the eight cells, error over variance.

    "all_three" is the inside error with all conditions met; "without_..." its rise when that one
    is taken away; "none" the error with none met.
    """
    best = outcomes[ALL_THREE]
    return {
        "all_three": mean_errors(best)["inside"],
        "without_repeats": paired(best, outcomes[False, True, True], "inside"),
        "without_period": paired(best, outcomes[True, False, True], "inside"),
        "without_moderate": paired(best, outcomes[True, True, False], "inside"),
        "none": mean_errors(outcomes[False, False, False])["inside"],
    }
