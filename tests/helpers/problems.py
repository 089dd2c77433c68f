"""The published problems as the learner's tests use them."""

import json
from pathlib import Path

import gymnasium as gym

HORIZONS = {
    "RoomDefault-v0": 7,
    "RoomAlt-v0": 7,  # chosen here, as is that of RoomBig: none was published
    "RoomBad-v0": 5,
    "RoomBig-v0": 10,
    "TrainDefault-v0": 8,
    "ApplesDefault-v0": 11,
    "BatteriesEasy-v0": 11,
    "BatteriesDefault-v0": 11,
}
LARGE = ("ApplesDefault-v0", "BatteriesEasy-v0", "BatteriesDefault-v0")
PUBLISHED = {  # those with figures of the published learner, and their names there
    "RoomDefault-v0": "room_default",
    "RoomBad-v0": "room_bad",
    "TrainDefault-v0": "train_default",
}


def all_published_figures():
    """The figures of the published code, by its names of the problems (see tests/data)."""
    path = Path(__file__).parents[1] / "data" / "gridworlds.json"
    return json.loads(path.read_text(encoding="utf-8"))


def published_figures(env_id):
    return all_published_figures()[PUBLISHED[env_id]]


class StartAt(gym.Wrapper):
    """Episodes start in a state of one's own choice."""

    def __init__(self, env, state):
        super().__init__(env)
        self.start = state

    def reset(self, *, seed=None, options=None):
        return self.env.reset(seed=seed, options={"state": self.start})
