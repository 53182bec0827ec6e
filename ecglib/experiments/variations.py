"""Variations of the network (paper, II-B and V): what each changes, and what decides C8 and C9."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import sub
from typing import Any

import numpy as np
from torch import nn

from ecglib.data.records import Records
from ecglib.estimates import Estimate, Statistic, weighted_mean
from ecglib.experiments.interpolation import (
    evidence,
    four_seconds,
    net_scores,
    patient_pairs,
    scores_by_path,
    with_middles_of,
)
from ecglib.experiments.one_cycle import controlled_pairs, controlled_training
from ecglib.experiments.reconstruction import mean_explained
from ecglib.experiments.scores import Scores
from ecglib.experiments.t_waves import critical, net_t_scores
from ecglib.nets.training import AutoencoderFit, train

BASE, BARE = "base", "no regulariser"  # what the others are compared with
SHARES = ("wrong_count", "far_violations")  # the measures, see `Outcome`, that are shares
RESAMPLES = 300  # fewer than elsewhere: there are many variations


@dataclass(frozen=True)
class Variation:
    """What differs from the base network.

    text: the difference in a few words.
    claim: what it is evidence for, "C8" (architecture) or "C9" (regularisation); "" for the base.
    net: arguments of the network, by default `ConvAutoencoder`.
    fit: other fields of `nets.training.AutoencoderFit`; `network` for another class.

    Raises ValueError for any other claim.
    """

    text: str
    claim: str
    net: Mapping[str, Any] = field(default_factory=dict)
    fit: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.claim not in ("", "C8", "C9"):
            raise ValueError(
                f"the variation {self.text!r} is said to be evidence for {self.claim!r}: "
                'give "C8" for the architecture or "C9" for a regulariser.'
            )


def all_but(variations: Mapping[str, Variation], left_out: Collection[str]) -> dict[str, Variation]:
    """The variations less those named in `left_out`.

    Raises ValueError for a name that is not among them, for one that others are compared with,
    and where no variation of the architecture stays.
    """
    for name in left_out:
        if name not in variations:
            raise ValueError(f"there is no variation {name!r}; there are {', '.join(variations)}.")
        if name in (BASE, BARE):
            raise ValueError(
                f"the variation {name!r} cannot be left out: others are compared with it."
            )
    kept = {name: v for name, v in variations.items() if name not in left_out}
    if not any(v.claim == "C8" for v in kept.values()):
        raise ValueError("every variation of the architecture (C8) is left out: keep one at least.")
    return kept


@dataclass(frozen=True)
class Measured:
    """One measure on the networks of one variation: a statistic of the scores of this name."""

    scores: Scores
    name: str
    unit: str
    statistic: Statistic = weighted_mean
    resamples: int = 1000

    @property
    def estimate(self) -> Estimate:
        """The measure over all networks and pairs."""
        return self.scores.estimate(self.name, self.statistic, self.unit, self.resamples)


@dataclass(frozen=True)
class Outcome:
    """What was measured on the networks of one variation.

    explained: share of variance explained on the test signals, "four" seconds and "controlled".
    measures: "wrong_count", the share of four-second paths whose R count leaves the range of its
        ends (C3); "far_violations", the share of frames without exactly one T peak, on paths
        between controlled beats whose T waves are further apart than their width (C6); "d_star",
        the displacement in ms at which half of all pairs of controlled beats have such a frame.
    """

    explained: Mapping[str, Estimate]
    measures: Mapping[str, Measured]


class VariationStudy:
    """All variations on the same windows, beats and pairs."""

    def __init__(
        self,
        records: Records,
        *,
        steps: int,
        controlled_steps: int,
        batch: int,
        learning_rate: float,
        n_pairs: int,
        frames: int,
        device: str = "auto",
    ) -> None:
        """Training as in `AutoencoderFit`, half a batch for controlled beats; pairs and frames."""
        self.records = records
        self.frames = frames
        self.four = four_seconds(records)
        self.pairs = patient_pairs(self.four.middle, n_pairs)
        self.controlled = controlled_pairs()
        self.base_nets: list[nn.Module] = []
        four = AutoencoderFit(
            self.four.train.signals,
            steps=steps,
            batch=batch,
            learning_rate=learning_rate,
            device=device,
        )
        controlled = replace(
            four, signals=controlled_training(), steps=controlled_steps, batch=max(batch // 2, 1)
        )
        self._training = {"four": four, "controlled": controlled}

    def run(
        self, variations: Mapping[str, Variation], seeds: Sequence[int], base_seeds: Sequence[int]
    ) -> dict[str, Outcome]:
        """Fit and measure the networks of every variation, one a seed, for either task."""
        specs = {
            (name, task, seed): replace(training, net=variation.net, seed=seed, **variation.fit)
            for name, variation in variations.items()
            for task, training in self._training.items()
            for seed in (base_seeds if name == BASE else seeds)
        }
        fitted, _ = train(list(specs.values()), label="variations")
        nets: dict[tuple[str, str], list[nn.Module]] = {}
        for (name, task, _), net in zip(specs, fitted, strict=True):
            nets.setdefault((name, task), []).append(net)
        self.base_nets = nets[BASE, "four"]
        return {
            name: self._measure(nets[name, "four"], nets[name, "controlled"]) for name in variations
        }

    def _measure(self, nets: list[nn.Module], controlled_nets: list[nn.Module]) -> Outcome:
        middle, controlled = self.four.middle, self.controlled
        windows = net_scores(nets, self.four, self.pairs, self.frames)
        beats = net_t_scores(controlled_nets, controlled, self.frames)
        far = beats.where(controlled.ratio > 1)
        d_star = critical(controlled.displacement_ms)
        return Outcome(
            explained={
                "four": mean_explained(nets, middle.signals, middle.record, RESAMPLES),
                "controlled": mean_explained(
                    controlled_nets, controlled.first, controlled.patients[:, 0], RESAMPLES
                ),
            },
            measures={
                "wrong_count": Measured(windows, "violating_pairs", "share of pairs"),
                "far_violations": Measured(far, "violations", "share of frames"),
                "d_star": Measured(beats, "failing_frame", "ms", d_star, RESAMPLES),
            },
        )


def effects(outcomes: Mapping[str, Outcome]) -> dict[str, dict[str, Estimate]]:
    """What each variation changes against the base, by measure and by the variation's name.

    Of a share the difference, of d* the change relative to the base's.
    """
    base = outcomes[BASE]
    varied = {name: outcome for name, outcome in outcomes.items() if name != BASE}
    found = {
        measure: _against(base, varied, measure, sub, base.measures[measure].unit)
        for measure in SHARES
    }
    return found | {"d_star": _against(base, varied, "d_star", _change, "relative")}


def architecture(found: Mapping[str, Mapping[str, Estimate]]) -> dict[str, Estimate]:
    """C8's evidence: effects as `effects` gives them, and the largest one on a share."""
    each = {f"{measure}/{name}": e for measure, row in found.items() for name, e in row.items()}
    shares = [e for measure in SHARES for e in found[measure].values()]
    return each | {"largest_effect": max(shares, key=lambda e: np.nan_to_num(abs(e.value), nan=-1))}


def left(outcomes: Mapping[str, Outcome], names: Iterable[str]) -> dict[str, dict[str, Estimate]]:
    """Violations with each regulariser over those of the net without any, by measure and name.

    The base net has batch normalisation, and so have all others but the one without any.
    """
    regularised = {"batch normalisation": outcomes[BASE]} | {
        f"batch normalisation and {name}": outcomes[name] for name in names if name != BARE
    }
    return {
        measure: _against(outcomes[BARE], regularised, measure, _ratio, "ratio of shares")
        for measure in SHARES
    }


def regularisation(shares_left: Mapping[str, Mapping[str, Estimate]]) -> dict[str, Estimate]:
    """C9's evidence, from what `left` gives: each share, and the least one."""
    each = {
        f"left/{measure}/{name}": e
        for measure, row in shares_left.items()
        for name, e in row.items()
    }
    least = min(each.values(), key=lambda e: np.nan_to_num(e.value, nan=np.inf, posinf=np.inf))
    return each | {"least_left": least}


def healthy_and_rest(study: VariationStudy, n_pairs: int) -> list[dict[str, object]]:
    """C3 of the base net and of the cross-fade in pairs of healthy patients, and of others.

    All patients are used, trained on or not, since few are healthy. A group too small for a pair
    has the words "no pair" for its figures: not every source tells who is healthy.
    """
    rows: list[dict[str, object]] = []
    healthy = study.records.healthy
    for group, chosen in (("healthy", healthy), ("rest", ~healthy)):
        members = np.flatnonzero(chosen)
        row: dict[str, object] = {"pairs of": f"{group} patients ({len(members)})"}
        if len(members) < 2:
            rows.append(row | {"pairs": 0, "network": "no pair", "cross-fade": "no pair"})
            continue
        data = with_middles_of(study.four, members)
        pairs = patient_pairs(data.middle, n_pairs)
        scores = scores_by_path(study.base_nets, data, pairs, study.frames)
        found = evidence(scores, "violating_pairs", unit="share of pairs")
        figures = {"network": found["violating_pairs"], "cross-fade": found["null"]}
        rows.append(row | {"pairs": len(pairs)} | figures)
    return rows


def _against(
    reference: Outcome,
    varied: Mapping[str, Outcome],
    measure: str,
    compare: Callable[[float, float], float],
    unit: str,
) -> dict[str, Estimate]:
    """`compare` of a measure on each variation's networks and of it on the reference's."""
    base = reference.measures[measure]
    return {
        name: outcome.measures[measure].scores.against(
            base.scores, base.name, compare, base.statistic, unit, RESAMPLES
        )
        for name, outcome in varied.items()
    }


def _ratio(a: float, b: float) -> float:
    return a / b if b > 0 and np.isfinite(b) else np.nan


def _change(a: float, b: float) -> float:
    return _ratio(a, b) - 1
