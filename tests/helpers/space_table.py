"""Which spaces learners serve, and what they say to do about the others."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

LARGEST = float(np.finfo(np.float32).max)


class Advice(NamedTuple):
    """What to do about a space that is refused: in the error, and on the page."""

    error: str
    page: str


class Row(NamedTuple):
    """A space, and the advice with which learners refuse it; None where they serve it."""

    space: spaces.Space[Any]
    trained: Advice | None = None
    planned: Advice | None = None
    imitated: Advice | None = None  # where only GAIL and AIRL refuse it


def box(low: Any, high: Any, shape: tuple[int, ...] = (2,), dtype: Any = np.float32) -> spaces.Box:
    return spaces.Box(low, high, shape, dtype)


FLATTEN = Advice("gymnasium.wrappers.FlattenObservation", "wrap it in `FlattenObservation`")
SUBTRACT = Advice("subtracts the start", "subtract the start in an `ObservationWrapper`")
FEWER = Advice("by a few numbers", "show a few numbers, such as row and column")
ONE_AXIS = Advice("that flattens it", "flatten it in a wrapper")
ADD = Advice("adds the start", "add the start in an `ActionWrapper`")
LEAVE_OUT = Advice("leave out what cannot vary", "leave out what cannot vary")
NARROWER = Advice("give it narrower ones", "give it narrower bounds")
FLOATS = Advice("expected a Box of float32", "use float32 or float64, or categories")
ARRAYS = Advice("gymnasium.ActionWrapper", "make it of one array in an `ActionWrapper`")
VECTORS = Advice("that takes vectors", "flatten it in an `ActionWrapper`")
RESCALE = Advice("gymnasium.wrappers.RescaleAction", "wrap it in `RescaleAction`")
MDP = Advice("expected Discrete(2)", "use one number for each row of a state in `mdp`")
OBSERVATIONS = {
    "float32": Row(box(-1, 1)),
    "float64": Row(box(-1, 1, dtype=np.float64)),
    "float, several axes": Row(box(-1, 1, (2, 3))),
    "without bounds": Row(box(-np.inf, np.inf)),
    "integers": Row(box(-9, 9, dtype=np.int64)),
    "uint8, no image": Row(box(0, 255, (4,), np.uint8)),
    "booleans": Row(box(0, 1, (3,), np.bool_)),
    "a single number": Row(box(-1, 1, ()), trained=FLATTEN),
    "image, channels last": Row(box(0, 255, (8, 8, 3), np.uint8)),
    "image, channels first": Row(box(0, 255, (3, 8, 8), np.uint8)),
    "Discrete": Row(spaces.Discrete(4)),
    "Discrete with start": Row(spaces.Discrete(4, start=2), trained=SUBTRACT),
    "Discrete, far too many": Row(spaces.Discrete(5000), trained=FEWER),
    "MultiBinary": Row(spaces.MultiBinary(3)),
    "MultiDiscrete": Row(spaces.MultiDiscrete([2, 3])),
    "MultiDiscrete, several axes": Row(spaces.MultiDiscrete([[2, 3], [3, 2]]), trained=ONE_AXIS),
    "Dict": Row(spaces.Dict({"place": box(-1, 1)}), FLATTEN, FLATTEN),
    "Tuple": Row(spaces.Tuple((box(-1, 1), spaces.Discrete(3))), FLATTEN, FLATTEN),
}

ACTIONS = {
    "float32": Row(box(-1, 1), planned=MDP),
    "float64": Row(box(-1, 1, dtype=np.float64), planned=MDP),
    "asymmetric": Row(box(np.float32([-3, 0]), np.float32([1, 5])), planned=MDP),
    "several axes": Row(box(-1, 1, (2, 3)), planned=MDP, imitated=VECTORS),
    "a single number": Row(box(-1, 1, ()), planned=MDP, imitated=VECTORS),
    "low equals high": Row(box(np.float32([-1, 2]), np.float32([1, 2])), LEAVE_OUT, MDP),
    "bounds of ±1e38": Row(box(-1e38, 1e38), planned=MDP, imitated=RESCALE),
    "largest bounds": Row(box(-LARGEST, LARGEST), NARROWER, MDP),
    "without bounds": Row(box(-np.inf, np.inf), NARROWER, MDP),
    "float16": Row(box(-1, 1, dtype=np.float16), FLOATS, MDP),
    "integers": Row(box(0, 5, dtype=np.int64), FLOATS, MDP),
    "Discrete": Row(spaces.Discrete(2)),
    "Discrete with start": Row(spaces.Discrete(2, start=5), ADD, MDP),
    "MultiDiscrete": Row(spaces.MultiDiscrete([2, 3]), planned=MDP),
    "MultiBinary": Row(spaces.MultiBinary(3), planned=MDP),
    "MultiBinary, several axes": Row(spaces.MultiBinary((2, 2)), ONE_AXIS, MDP),
    "Dict": Row(spaces.Dict({"step": box(-1, 1)}), ARRAYS, MDP),
}

PAGE = Path(__file__).parents[2] / "docs" / "guide" / "spaces.md"
HEADER = """# Spaces

Which observations and actions learners serve. What they do not serve they refuse at construction,
by an error that says what to do.

Learners that train a policy are RLSP, AverageFeatures, Waypoints, Contrast, GAIL and AIRL. Learners
that plan one are TabularRLSP, TaskReward, Deviation, RelativeReachability, AttainableUtility and
RewardSampling, and the first four where the environment offers `mdp`: they know states by its
`state_indices`, so that any array will do as an observation, and actions by the rows of
`mdp.transitions`. Here these have two.

Categories (Discrete, MultiDiscrete, MultiBinary) are one-hot for encoders, inverse models and
policies. Everywhere else, in `observed_states`, `predict`, rewards and functions as encoders, they
are as the environment shows them.

The tests go through this table with every learner, and `python -m helpers.space_table` in `tests/`
writes it.
"""


def page() -> str:
    """The page on spaces, in Markdown."""
    parts = [HEADER]
    for title, rows in (("Observations", OBSERVATIONS), ("Actions", ACTIONS)):
        lines = ["| | space | policy is trained | policy is planned |", "|---|---|---|---|"]
        for name, row in rows.items():
            outcomes = [
                "served" if no is None else f"refused: {no.page}"
                for no in (row.trained, row.planned)
            ]
            if row.imitated is not None:
                outcomes[0] += f"; GAIL and AIRL refuse it: {row.imitated.page}"
            space = " ".join(str(row.space).split())
            lines.append(f"| {name} | `{space}` | {' | '.join(outcomes)} |")
        parts.append(f"\n## {title}\n\n" + "\n".join(lines) + "\n")
    return "".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
