"""What each parameter of the chapters may be: checked before a build runs, and by each chapter."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Rule:
    """What a value must be: `words` for a sentence, `holds` for a test that never raises."""

    words: str
    holds: Callable[[Any], bool]


class BadParameter(ValueError):
    """A parameter that cannot be; a notebook shows the sentence alone, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


def check(chapter: str, values: Mapping[str, Any]) -> None:
    """Check a chapter's parameters; names that are none of its own are not looked at.

    chapter: its name; of one that is not of this book, what all chapters have is checked.
    values: by name, such as a notebook's `globals()`.

    Raises BadParameter, a ValueError, for the first that cannot be.
    """
    rules = COMMON | RULES.get(chapter, {})
    for name, rule in rules.items():
        if name in values and not rule.holds(values[name]):
            raise BadParameter(
                f"{name} is {values[name]!r:.200}: it must be {rule.words} (chapter {chapter})."
            )
    for name, other, words, holds in RELATIONS:
        known = {name, other} <= rules.keys() & values.keys()
        if known and not holds(values[name], values[other]):
            raise BadParameter(
                f"{name} is {values[name]!r:.200} where {other} is {values[other]!r:.200}: it must "
                f"be {words} (chapter {chapter})."
            )


def whole(low: int, high: int) -> Rule:
    """Python's own whole numbers; True is none, nor is 3.0."""
    return Rule(
        f"a whole number from {low} to {high}", lambda x: type(x) is int and low <= x <= high
    )


def number(low: float, high: float, above: bool = False) -> Rule:
    """Numbers from `low`, or above it, up to `high`; so neither NaN nor infinite ones."""

    def holds(x: Any) -> bool:
        if isinstance(x, bool) or not isinstance(x, int | float):
            return False
        return low <= x <= high and not (above and x == low)

    words = f"above {low:g}, at most {high:g}" if above else f"from {low:g} to {high:g}"
    return Rule(f"a number {words}", holds)


def text(words: str) -> Rule:
    return Rule(words, lambda x: isinstance(x, str) and bool(x.strip()))


def one_of(*values: str) -> Rule:
    quoted = [f'"{value}"' for value in values]
    words = f"{', '.join(quoted[:-1])} or {quoted[-1]}"
    return Rule(words, lambda x: isinstance(x, str) and x in values)


def or_none(rule: Rule) -> Rule:
    return Rule(f"None or {rule.words}", lambda x: x is None or rule.holds(x))


def different(item: Rule, least: int = 1) -> Rule:
    """Lists of different values."""
    some = "non-empty list" if least else "list"

    def holds(x: Any) -> bool:
        if not isinstance(x, list | tuple) or len(x) < least:
            return False
        return all(map(item.holds, x)) and len(set(x)) == len(x)

    return Rule(f"a {some} of different values, each {item.words}", holds)


def rising(item: Rule, least: int = 1, among: Collection[float] = ()) -> Rule:
    """Lists of rising values: a curve is drawn over them."""
    some = f"at least {least} values" if least > 1 else "values"
    held = f", among them {', '.join(map(str, among))}" if among else ""
    each = different(item, least)

    def holds(x: Any) -> bool:
        return each.holds(x) and sorted(x) == list(x) and set(among) <= set(x)

    return Rule(f"a list of {some}, rising, each {item.words}{held}", holds)


def _is_region(x: Any) -> bool:
    if not isinstance(x, list | tuple) or len(x) != 2 or {type(end) for end in x} != {int}:
        return False
    start, end = x
    inside = end - start
    return start >= 0 and end <= SAMPLES and SHORTEST <= inside <= SAMPLES - SHORTEST


SAMPLES = 5000  # of a record of ten seconds
SHORTEST = 50  # samples: in a shorter part of a record nothing may change
SEEDS = different(whole(0, 2**32 - 1))
STEPS = whole(1, 10**7)
FRAMES = whole(3, 1000)  # with two there is nothing between the ends
BATCH = whole(1, 4096)  # of windows, whose step takes gigabytes of memory
LEARNING_RATE = number(0, 1, above=True)
PAIRS = whole(1, 10**6)
RECORDS = 10**6  # more than any data set has
# A fifth of the records is for the test, and a pair takes two of those.
N_PAIRED = or_none(whole(8, RECORDS))
# As many cycles as ten seconds have at 270 beats a minute, and as few as a QRS complex takes.
CYCLES = number(0.1, 45)

COMMON = {
    "dataset": text('"ludb", "synthetic", or the path of a WFDB record or folder'),
    "lead": text('the name of a lead, such as "v6"'),
    "device": one_of("auto", "cpu", "cuda"),
    "scale": one_of("quick", "paper"),
    "seeds": SEEDS,
}
OF_AUTOENCODERS = {
    "n_records": N_PAIRED,
    "steps": STEPS,
    "batch": BATCH,
    "learning_rate": LEARNING_RATE,
    "frames": FRAMES,
}
OF_REGIONS = {
    "n_records": or_none(whole(1, RECORDS)),
    "steps": STEPS,
    "shown": whole(0, RECORDS - 1),
}
RULES: dict[str, dict[str, Rule]] = {
    "01-data": {
        "n_shown": whole(2, 50),  # the most and the least regular, and what one figure can hold
        "compare_s": number(0.1, 10),
    },
    "02-interpolation": OF_AUTOENCODERS
    | {
        "n_pairs": PAIRS,
        "slider_pairs": whole(2, RECORDS),  # two of them have a figure of their own
    },
    "03-one-cycle": OF_AUTOENCODERS
    | {
        "controlled_steps": STEPS,
        "published_seeds": SEEDS,
        "pairs_per_bin": PAIRS,
        "slider_pairs": whole(1, 5),
    },
    "04-variations": OF_AUTOENCODERS
    | {
        "base_seeds": SEEDS,
        "controlled_steps": STEPS,
        "n_pairs": PAIRS,
        "leave_out": different(
            Rule(
                'the name of a variation other than "base" and "no regulariser", with which others '
                "are compared",
                lambda x: isinstance(x, str) and x not in ("", "base", "no regulariser"),
            ),
            least=0,
        ),
    },
    "05-unpunished": OF_REGIONS
    | {
        "longest_cycles": CYCLES,
        "pools": rising(whole(1, 10), among=(3, 7)),  # the paper's good and bad network
    },
    "06-processes": OF_REGIONS
    | {
        "longest_cycles": CYCLES,
        "length_scales_ms": different(number(1, 10_000), least=0),
        "length_records": whole(1, RECORDS),
        "small_region": Rule(
            f"two whole numbers, the first and the last sample of a region of 0 to {SAMPLES}, at "
            f"least {SHORTEST} apart, with as many samples left around it",
            _is_region,
        ),
    },
    "07-mask-size": OF_REGIONS
    | {
        # Through fewer than four points a bend can be laid anywhere.
        "cycles": rising(CYCLES, least=4, among=(0.5, 1.0, 2.0)),
        "end_cycles": rising(CYCLES),
        "slider_records": whole(1, RECORDS),
    },
}
RELATIONS: tuple[tuple[str, str, str, Callable[[Any, Any], bool]], ...] = (
    ("slider_pairs", "n_pairs", "at most n_pairs", lambda few, all_: few <= all_),
    ("shown", "n_records", "below n_records", lambda k, n: n is None or k < n),
    ("end_cycles", "cycles", "some of cycles", lambda some, all_: set(some) <= set(all_)),
)
