"""The published gridworlds (Shah et al. 2019), random ones, and layouts of one's own."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rlsp_envs.gridworlds.apples import ApplesEnv
    from rlsp_envs.gridworlds.batteries import BatteriesEnv
    from rlsp_envs.gridworlds.gridworld import GridworldEnv
    from rlsp_envs.gridworlds.layout import Layout
    from rlsp_envs.gridworlds.mdp import TabularMDP
    from rlsp_envs.gridworlds.outcome import Outcome
    from rlsp_envs.gridworlds.random_problems import (
        RandomApplesEnv,
        RandomBatteriesEnv,
        RandomRoomEnv,
        RandomTrainEnv,
    )
    from rlsp_envs.gridworlds.render import Sprite
    from rlsp_envs.gridworlds.room import RoomEnv
    from rlsp_envs.gridworlds.states.state_space import StateSpace, TooManyStatesError
    from rlsp_envs.gridworlds.toy_train import TrainEnv
    from rlsp_envs.gridworlds.vector import GridworldVectorEnv
else:
    # Lazy (PEP 562), because Gymnasium 0.29 imports this package while it is half imported itself.
    _MODULES = {
        "ApplesEnv": "apples",
        "BatteriesEnv": "batteries",
        "GridworldEnv": "gridworld",
        "GridworldVectorEnv": "vector",
        "Layout": "layout",
        "Outcome": "outcome",
        "RandomApplesEnv": "random_problems",
        "RandomBatteriesEnv": "random_problems",
        "RandomRoomEnv": "random_problems",
        "RandomTrainEnv": "random_problems",
        "RoomEnv": "room",
        "Sprite": "render",
        "StateSpace": "states.state_space",
        "TabularMDP": "mdp",
        "TooManyStatesError": "states.state_space",
        "TrainEnv": "toy_train",
    }

    def __getattr__(name):
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)

    def __dir__():
        return sorted({*globals(), *_MODULES})


__all__ = [
    "ApplesEnv",
    "BatteriesEnv",
    "GridworldEnv",
    "GridworldVectorEnv",
    "Layout",
    "Outcome",
    "RandomApplesEnv",
    "RandomBatteriesEnv",
    "RandomRoomEnv",
    "RandomTrainEnv",
    "RoomEnv",
    "Sprite",
    "StateSpace",
    "TabularMDP",
    "TooManyStatesError",
    "TrainEnv",
]
