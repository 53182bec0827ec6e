"""The slider of section III: how much of the signal is observed, and what a network makes of it."""

from collections.abc import Sequence

from ipywidgets import Widget

from ecglib.region_figures import mask_frame
from ecglib.regions import Condition, RegionStudy, fit, one_record
from ecglib.unpunished import BAD, GOOD
from ecglib.widgets import frame_explorer, png

__all__ = ["mask_slider"]

NETS = {"good net": GOOD, "bad net": BAD}


def mask_slider(
    study: RegionStudy, everyone: RegionStudy, cycles: Sequence[float], shown: int = 3
) -> Widget:
    """A slider over the number of observed cycles, for the first `shown` records and either net.

    study: whose networks the page shows. everyone: the records that a live notebook can choose
    from; it fits their networks when asked.
    """
    return frame_explorer(
        {
            f"record {study.ids[record]}, {net}": mask_frames(
                one_record(study, record), net, cycles
            )
            for record in range(min(shown, len(study)))
            for net in NETS
        },
        label="cycles observed",
        values=[f"{count:g}" for count in cycles],
        alt="A record, what the network makes of it, and the unpunished region shaded.",
        group_label="Record and net",
        choices={"record and net": [f"{name}, {net}" for name in everyone.ids for net in NETS]},
        render=lambda choice: _chosen(everyone, choice, cycles),
    )


def mask_frames(study: RegionStudy, net: str, cycles: Sequence[float]) -> list[bytes]:
    """The slider's pictures of a study's first record, one for each number of observed cycles."""
    conditions = [Condition(p=NETS[net], cycles=count) for count in cycles]
    outcomes = fit(study, conditions)
    title = f"{study.source}, record {study.ids[0]}, {net} (p = {NETS[net]}), cycles observed: "
    return [
        png(mask_frame(outcomes[condition], 0, study.fs, f"{title}{condition.cycles:g}"))
        for condition in conditions
    ]


def _chosen(everyone: RegionStudy, choice: str, cycles: Sequence[float]) -> list[bytes]:
    name, _, net = choice.rpartition(", ")
    return mask_frames(one_record(everyone, everyone.ids.index(name)), net, cycles)
