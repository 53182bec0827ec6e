"""The book's sliders: along a path, along the course of a T wave, over what is observed."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from ipywidgets import Widget

from ecglib.data.records import FS
from ecglib.experiments.interpolation import RATE
from ecglib.experiments.one_cycle import BeatPairs
from ecglib.experiments.paths import positions
from ecglib.experiments.regions import NETS, Condition, RegionStudy, fit_conditions, one_record
from ecglib.measures import r_counts
from ecglib.pages.path_figures import course_frame, path_frame
from ecglib.pages.region_figures import mask_frame
from ecglib.pages.widgets import frame_explorer, png
from ecglib.wave_course import follow_wave

FRAMES = 17  # positions on a slider

Paths = Mapping[str, np.ndarray]  # of "net", "null" and "oracle", (frames, samples), mV
BeatPaths = tuple[Paths, BeatPairs, str]  # between the beats of one pair, and of which data


def path_slider(
    groups: Mapping[str, Paths],
    ids: Sequence[str],
    between: Callable[[str, str], Paths],
    source: str,
) -> Widget:
    """A slider along four-second paths, at 128 Hz, of each named pair.

    ids: of the records, of which a live notebook can choose any two.
    between: the paths from one record to another, by their ids.
    """
    return _explorer(
        {name: path_frames(paths, source) for name, paths in groups.items()},
        ids,
        lambda a, b: path_frames(between(a, b), source),
        "Four-second electrocardiograms on the network's path, the cross-fade and the oracle.",
    )


def path_frames(paths: Paths, source: str) -> list[bytes]:
    """The slider's pictures of one pair: signals and R counts at 17 positions."""
    counts = {kind: r_counts(path, RATE) for kind, path in paths.items()}
    pictures = []
    for k in _chosen(paths):
        notes = {kind: f"{count[k]} R peaks" for kind, count in counts.items()}
        pictures.append(png(path_frame(paths, k, RATE, notes, source)))
    return pictures


def course_slider(
    groups: Mapping[str, BeatPaths],
    ids: Sequence[str],
    between: Callable[[str, str], BeatPaths],
) -> Widget:
    """A slider along one-cycle paths of each named pair, the T wave's course drawn under them.

    `ids` and `between` as in `path_slider`.
    """
    return _explorer(
        {name: course_frames(*group) for name, group in groups.items()},
        ids,
        lambda a, b: course_frames(*between(a, b)),
        "One cycle on the network's path, the cross-fade and the oracle, with its T peak's course.",
    )


def course_frames(paths: Paths, pair: BeatPairs, source: str) -> list[bytes]:
    """The slider's pictures of one pair of beats."""
    (start, stop), sign = pair.window[0].tolist(), int(pair.sign[0])
    courses = {kind: follow_wave(path, FS, (start, stop), sign) for kind, path in paths.items()}
    peaks_ms = {kind: course.peak_ms for kind, course in courses.items()}
    pictures = []
    for k in _chosen(paths):
        notes = {kind: _peaks(course.counts[k]) for kind, course in courses.items()}
        pictures.append(png(course_frame(paths, peaks_ms, k, FS, notes, source)))
    return pictures


def _peaks(count: int) -> str:
    return "one T peak" if count == 1 else f"{count} T peaks" if count else "no T peak"


def _chosen(paths: Paths) -> np.ndarray:
    """The frames at the slider's positions."""
    frames = len(next(iter(paths.values())))
    return np.linspace(0, frames - 1, min(FRAMES, frames)).round().astype(int)


def _explorer(
    groups: dict[str, list[bytes]],
    ids: Sequence[str],
    render: Callable[[str, str], list[bytes]],
    alt: str,
) -> Widget:
    """The slider over the pictures of each group, their positions equally spaced."""
    frames = len(next(iter(groups.values())))
    return frame_explorer(
        groups,
        label="position",
        values=[f"{at:.2f}" for at in positions(frames)],
        alt=alt,
        choices={"from record": ids, "to record": ids},
        render=render,
    )


def mask_slider(
    study: RegionStudy, everyone: RegionStudy, cycles: Sequence[float], shown: int
) -> Widget:
    """A slider over the number of observed cycles, for the first `shown` records and either net.

    study: whose networks the page shows. everyone: the records that a live notebook can choose
    from; it fits their networks when asked. cycles: observed, in median RR intervals.
    """

    def chosen_frames(choice: str) -> list[bytes]:
        name, _, net = choice.removesuffix(" net").rpartition(", ")
        return mask_frames(one_record(everyone, everyone.ids.index(name)), net, cycles)

    groups = {
        f"record {study.ids[record]}, {net} net": mask_frames(
            one_record(study, record), net, cycles
        )
        for record in range(min(shown, len(study)))
        for net in NETS
    }
    return frame_explorer(
        groups,
        label="cycles observed",
        values=[f"{count:g}" for count in cycles],
        alt="A record, what the network makes of it, and the unpunished region shaded.",
        group_label="Record and net",
        choices={"record and net": [f"{name}, {net} net" for name in everyone.ids for net in NETS]},
        render=chosen_frames,
    )


def mask_frames(study: RegionStudy, net: str, cycles: Sequence[float]) -> list[bytes]:
    """The slider's pictures of a study's first record, one for each number of observed cycles."""
    conditions = [Condition(p=NETS[net], cycles=count) for count in cycles]
    outcomes = fit_conditions(study, conditions)
    title = f"{study.source}, record {study.ids[0]}, {net} net (p = {NETS[net]}), cycles observed: "
    return [
        png(mask_frame(outcomes[condition], study.fs, f"{title}{condition.cycles:g}"))
        for condition in conditions
    ]
