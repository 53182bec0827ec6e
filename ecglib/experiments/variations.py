"""From the scores of variations to the evidence that decides C8 and C9, and a homogeneous group."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ecglib.data.records import Records
from ecglib.estimates import Estimate, bootstrap, critical_point, resampled, weighted_mean
from ecglib.experiments import interpolation
from ecglib.experiments.interpolation import (
    patient_pairs,
    scores_by_path,
    with_middles_of,
    wrong_counts,
)
from ecglib.experiments.one_cycle import controlled_pairs, controlled_training
from ecglib.experiments.paths import reconstruct
from ecglib.experiments.t_waves import net_t_scores
from ecglib.fits import run
from ecglib.measures import explained_variance
from ecglib.nets.autoencoder import ConvAutoencoder
from ecglib.nets.training import AutoencoderFit, fit_autoencoders, load_autoencoder

TASKS = ("four", "controlled")
UNITS = {"C3": "share of pairs", "C6": "share of frames", "d*": "relative"}


@dataclass(frozen=True)
class Variation:
    """What differs from the base: arguments of the net and of its training, and a few words."""

    text: str
    claim: str
    net: Mapping[str, Any] = field(default_factory=dict)
    fit: Mapping[str, Any] = field(default_factory=dict)


VARIATIONS = {
    "base": Variation("Table I, batch normalisation", ""),
    "kernels doubled": Variation("200, 200, 60, 40 taps", "C8", {"kernels": (200, 200, 60, 40)}),
    "short kernels": Variation("9 taps in every layer", "C8", {"kernels": (9, 9, 9, 9)}),
    "filters doubled": Variation("60, 30, 30, 10 filters", "C8", {"filters": (60, 30, 30, 10)}),
    "latent 10": Variation("a code of 10 numbers", "C8", {"latent": 10}),
    "latent 100": Variation("a code of 100 numbers", "C8", {"latent": 100}),
    "less pooling": Variation("pooling 2-2-1-1", "C8", {"pools": (2, 2, 1, 1)}),
    "more pooling": Variation("pooling 4-4-2-2", "C8", {"pools": (4, 4, 2, 2)}),
    "no regulariser": Variation("no batch normalisation", "C9", {"batch_norm": False}),
    "dropout": Variation("dropout of 0.2 after each block", "C9", {"dropout": 0.2}),
    "weight decay": Variation("weight decay of 0.0001", "C9", {}, {"weight_decay": 1e-4}),
    "input noise": Variation("white noise of 0.05 mV", "C9", {}, {"input_noise": 0.05}),
}


@dataclass(frozen=True)
class VariationScores:
    """What was measured on the nets of one variation; arrays are (nets, pairs).

    Attributes
    ----------
    explained : share of variance explained on the test signals of each task.
    wrong_count : 1 where a four-second path's R count leaves the range of its ends (C3).
    far_violations : share of frames without exactly one T peak, on paths between controlled beats
        whose T waves are further apart than their width (C6).
    controlled : 1 where a path between any two controlled beats has such a frame, for d*.
    patients : for "C3", "C6" and "d*" the labels (pairs, 2) that intervals are resampled over.
    displacement_ms : (pairs,) of the T waves of the controlled beats.
    """

    explained: dict[str, Estimate]
    wrong_count: np.ndarray
    far_violations: np.ndarray
    controlled: np.ndarray
    patients: dict[str, np.ndarray]
    displacement_ms: np.ndarray

    def share(self, claim: str) -> Estimate:
        """The share of pairs that C3, or of frames that C6 speaks of."""
        return bootstrap(self.of(claim), self.patients[claim], unit=UNITS[claim])

    def of(self, claim: str) -> np.ndarray:
        """The observations behind "C3", "C6" or "d*"."""
        return {"C3": self.wrong_count, "C6": self.far_violations, "d*": self.controlled}[claim]

    def critical(self, weights: np.ndarray) -> float:
        """d* in ms under weights (nets, pairs)."""
        x = np.broadcast_to(self.displacement_ms, self.controlled.shape)
        return critical_point(x, self.controlled, weights)

    @property
    def d_star(self) -> Estimate:
        """The critical displacement over all widths of the T wave."""
        nets = len(self.controlled)
        return resampled(self.critical, self.patients["d*"], nets, unit="ms", resamples=300)


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
        """`steps` and `batch` (windows a step) of the training, the pairs and frames measured."""
        self.records = records
        self.base_nets: list[ConvAutoencoder] = []
        self.frames = frames
        self.four = interpolation.four_seconds(records)
        self.four_pairs = interpolation.patient_pairs(self.four.middle, n_pairs)
        self.controlled = controlled_pairs()
        shared: dict[str, Any] = {"learning_rate": learning_rate, "device": device}
        self._tasks: dict[str, tuple[np.ndarray, dict[str, Any]]] = {
            "four": (self.four.train.signals, {"steps": steps, "batch": batch} | shared),
            "controlled": (
                controlled_training(),
                {"steps": controlled_steps, "batch": max(batch // 2, 1)} | shared,
            ),
        }

    def run(
        self, seeds: Sequence[int], base_seeds: Sequence[int], only: Sequence[str] | None = None
    ) -> dict[str, VariationScores]:
        """Fit and measure the base and every variation (or those named in `only`).

        Raises ValueError for a name that is not among VARIATIONS.
        """
        names = [name for name in VARIATIONS if only is None or name in only or name == "base"]
        if unknown := set(only or ()) - VARIATIONS.keys():
            raise ValueError(
                f"there is no variation {sorted(unknown)[0]!r}; there are {', '.join(VARIATIONS)}"
            )
        specs = {
            (name, task, seed): self._spec(VARIATIONS[name], task, seed)
            for name in names
            for task in TASKS
            for seed in (base_seeds if name == "base" else seeds)
        }
        fits = run(fit_autoencoders, list(specs.values()), label="variations")
        nets: dict[tuple[str, str], list] = {}
        for (key, spec), result in zip(specs.items(), fits, strict=True):
            nets.setdefault(key[:2], []).append(load_autoencoder(result, spec))
        self.base_nets = nets["base", "four"]
        return {name: self._scores({t: nets[name, t] for t in TASKS}) for name in names}

    def _spec(self, variation: Variation, task: str, seed: int) -> AutoencoderFit:
        signals, how = self._tasks[task]
        return AutoencoderFit(
            signals, net=dict(variation.net), seed=seed, **how, **dict(variation.fit)
        )

    def _scores(self, nets: dict[str, list]) -> VariationScores:
        tests = {
            "four": (self.four.middle.signals, self.four.middle.record),
            "controlled": (self.controlled.first, self.controlled.patients[:, 0]),
        }
        explained = {
            task: bootstrap(
                np.stack(
                    [explained_variance(signals, reconstruct(net, signals)) for net in nets[task]]
                ),
                patients,
                unit="share of variance",
                resamples=300,
            )
            for task, (signals, patients) in tests.items()
        }
        on_four = interpolation.net_scores(nets["four"], self.four, self.four_pairs, self.frames)
        on_beats = net_t_scores(nets["controlled"], self.controlled, self.frames)
        far = self.controlled.ratio > 1
        return VariationScores(
            explained=explained,
            wrong_count=on_four.violated,
            far_violations=on_beats.violations[:, far],
            controlled=on_beats.violated,
            patients={
                "C3": self.four.middle.record[self.four_pairs],
                "C6": self.controlled.patients[far],
                "d*": self.controlled.patients,
            },
            displacement_ms=self.controlled.displacement_ms,
        )


NONE = "no pair"
PREFIXES = {"C3": "c3", "C6": "c6", "d*": "d"}  # of the evidence of C8

Statistic = Callable[[np.ndarray, np.ndarray], float]


def effect(claim: str, varied: VariationScores, base: VariationScores) -> Estimate:
    """What a variation changes: of "C3" and "C6" the share, of "d*" relative to the base's."""
    if claim == "d*":
        return _contrast(
            *(varied, base, claim, UNITS[claim]),
            lambda w, v: _ratio(varied.critical(w), base.critical(v)) - 1,
        )
    a, b = varied.of(claim), base.of(claim)
    return _contrast(
        *(varied, base, claim, UNITS[claim]),
        lambda w, v: weighted_mean(a, w) - weighted_mean(b, v),
    )


def architecture(
    effects: Mapping[str, Mapping[str, Estimate]], names: Sequence[str]
) -> dict[str, Estimate]:
    """C8's evidence: the effects of these variations, and the largest one on a share.

    effects: by "C3", "C6" and "d*", and by the variation's name.
    """
    evidence = {
        f"{prefix}/{name}": effects[claim][name]
        for claim, prefix in PREFIXES.items()
        for name in names
    }
    shares = [e for key, e in evidence.items() if not key.startswith("d/")]
    return evidence | {"largest_effect": max(shares, key=lambda e: abs(e.value))}


def left(scores: Mapping[str, VariationScores], names: Sequence[str]) -> dict[str, Estimate]:
    """Violations with each regulariser over those of the net without any, for C3 and C6.

    The base net has batch normalisation, and so have all others but "no regulariser".
    """
    bare = scores["no regulariser"]
    regularised = {"batch normalisation": scores["base"]} | {
        f"batch normalisation and {name}": scores[name]
        for name in names
        if name != "no regulariser"
    }
    return {
        f"{name}, {claim}": _contrast(
            *(one, bare, claim, "ratio of shares"),
            _share_ratio(one.of(claim), bare.of(claim)),
        )
        for name, one in regularised.items()
        for claim in ("C3", "C6")
    }


def regularisation(shares_left: Mapping[str, Estimate]) -> dict[str, Estimate]:
    """C9's evidence, from what `left` gives: each share, and the least one."""
    least = min(shares_left.values(), key=lambda e: e.value)
    return {f"left/{name}": e for name, e in shares_left.items()} | {"least_left": least}


def healthy_and_rest(study: VariationStudy, n_pairs: int) -> list[dict[str, object]]:
    """C3 of the base net and of the cross-fade in pairs of healthy patients, and of others.

    All patients are used, trained on or not, since few are healthy. A group too small for a pair
    has the words "no pair" for its figures: not every source tells who is healthy.
    """
    rows: list[dict[str, object]] = []
    healthy = study.records.healthy
    for group, members in (
        ("healthy", np.flatnonzero(healthy)),
        ("rest", np.flatnonzero(~healthy)),
    ):
        name = f"{group} patients ({len(members)})"
        if len(members) < 2:
            rows.append({"pairs of": name, "pairs": 0, "network": NONE, "cross-fade": NONE})
            continue
        data = with_middles_of(study.four, members)
        pairs = patient_pairs(data.middle, n_pairs)
        scores = scores_by_path(study.base_nets, data, pairs, study.frames)
        counts = wrong_counts(scores, data.middle.record[pairs])
        rows.append(
            {
                "pairs of": name,
                "pairs": len(pairs),
                "network": counts["violating_pairs"],
                "cross-fade": counts["null"],
            }
        )
    return rows


def _contrast(
    varied: VariationScores, base: VariationScores, claim: str, unit: str, statistic: Statistic
) -> Estimate:
    """A statistic of both nets' weights (nets, pairs); the same pairs are drawn for either."""
    n = len(varied.of(claim))
    return resampled(
        lambda weights: statistic(weights[:n], weights[n:]),
        base.patients[claim],
        seeds=(n, len(base.of(claim))),
        unit=unit,
        resamples=300,
    )


def _share_ratio(a: np.ndarray, b: np.ndarray) -> Statistic:
    return lambda w, v: _ratio(weighted_mean(a, w), weighted_mean(b, v))


def _ratio(a: float, b: float) -> float:
    return a / b if b > 0 and np.isfinite(b) else np.nan
