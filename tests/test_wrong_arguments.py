"""Wrong arguments of public constructors and functions are refused by errors that name them.

Each argument in turn is replaced by what nobody means. It may be right after all (0 may be a
seed); if it is not, the error says which argument it is, and NaN is never right.
"""

import importlib
import inspect
import re
import tempfile
import warnings
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.wrappers import TimeLimit
from stable_baselines3 import PPO

pytest.importorskip("rlsp_baselines")
pytest.importorskip("rlsp_envs")

from rlsp_envs.gridworlds import RoomEnv
from rlsp_sb3 import LinearReward, TabularRLSP
from rlsp_sb3.data import Episode, Transitions
from rlsp_sb3.env_util import as_vec_env
from rlsp_sb3.models import DeltaModel
from rlsp_sb3.simulators import ResetSimulator
from test_public_names import PUBLIC

from helpers.point import TINY, Point
from helpers.policy_files import sac_parameters, write_zip

WRONG = {
    "None": None,
    "nan": float("nan"),
    "inf": float("inf"),
    "negative": -1,
    "zero": 0,
    "huge": 10**12,
    "object": object(),
    "empty list": [],
    "wrong shape": np.zeros((2, 3, 5)),
    "text": "nonsense",
    "array of objects": np.array([None, {}], dtype=object),
    "array of nan": np.full(3, np.nan),
}
NANS = ("nan", "array of nan")


class Still:
    """Does nothing, in any environment."""

    def __init__(self, action):
        self.action = action

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        return self.action, None


class Drawn:
    """Draws what was before: what is."""

    def sample(self, after, *given):
        return np.zeros((len(after), 1), np.float32) if len(given) == 2 else after


def features(observations):
    return np.asarray(observations, dtype=np.float64).reshape(len(observations), -1)


def first(observations, time=0):
    return np.zeros(len(observations))


def never_moves(observations, time):
    return np.zeros((len(observations), 1), np.float32)


def any_state(states):
    return np.ones(len(states["agent"]), bool)


FOLDER = Path(tempfile.mkdtemp(prefix="rlsp-tests-"))
POINT = TimeLimit(Point(), 3)
STATES = np.array([[0.5], [0.7]], np.float32)
BOX, MOVES = POINT.observation_space, POINT.action_space


class Imitated(list):
    """A dataset of imitation without a row."""

    column_names = ("obs", "acts", "infos", "terminal")

    def with_format(self, form, columns):
        return self


RNG = np.random.default_rng(0)
LEARNER = TabularRLSP("RoomDefault-v0", seed=0)
ROOM, MDP = LEARNER.unwrapped_env, LEARNER.mdp
EACH_STATE = np.ones(MDP.n_states)
TABLE = np.full((4, MDP.n_states, 5), 0.2)
SIMULATOR = ResetSimulator(Point(), RNG)
SWING = Episode(np.zeros((3, 3), np.float32), np.zeros((2, 1), np.float32), np.zeros(2))
EPISODE = Episode(np.zeros((3, 1), np.float32), np.zeros((2, 1), np.float32), np.zeros(2))
STEPS = Transitions(np.arange(6.0)[:, None], np.zeros((6, 1)), np.arange(1.0, 7)[:, None])
SEGMENTS = [np.ones((4, 1)), np.zeros((4, 1))]
CART = gym.make("CartPole-v1")
DEEP = {"env": POINT, "observed_states": STATES, "hyperparameters": TINY}
TABULAR = {"env": "RoomDefault-v0"}
IMITATING = {"env": POINT, "demonstrations": [EPISODE]}
PRIOR = {"mean": np.zeros(2), "std": 1.0}

PPO("MlpPolicy", POINT, n_steps=8, batch_size=8).save(FOLDER / "ppo.zip")
write_zip(FOLDER / "sac.zip", sac_parameters(1, 1))

# Right arguments of each function; those that it has beside are replaced, too.
RIGHT = {
    "rlsp_baselines": {
        "AIRL": IMITATING,
        "AttainableUtility": TABULAR,
        "AverageFeatures": DEEP,
        "Contrast": DEEP | {"horizon": 3},
        "Deviation": TABULAR,
        "GAIL": IMITATING,
        "RelativeReachability": TABULAR,
        "RewardSampling": TABULAR,
        "TaskReward": TABULAR,
        "Waypoints": DEEP,
    },
    "rlsp_envs.gridworlds": {
        "ApplesEnv": {},
        "BatteriesEnv": {},
        "GridworldVectorEnv": {"env_class": RoomEnv},
        "Layout": {"text": "A.", "symbols": {}},
        "RandomApplesEnv": {},
        "RandomBatteriesEnv": {},
        "RandomRoomEnv": {},
        "RandomTrainEnv": {},
        "RoomEnv": dict.fromkeys(["observed_state", "task_reward", "true_reward", "horizon"])
        | {"reward": "task", "render_mode": None},
        "StateSpace": {"fields": {"agent": (2, 2)}, "is_valid": any_state},
        "TrainEnv": {},
    },
    "rlsp_sb3": {
        "LinearReward": {"weights": [1.0, 2.0]},
        "RLSP": DEEP,
        "TabularRLSP": TABULAR,
        "load_policy": {"path": FOLDER / "ppo.zip", "env": POINT},
        "sample_observed_states": {"source": Still([0.0]), "env": POINT},
    },
    "rlsp_sb3.data": {
        "Episode": dict(vars(EPISODE)),
        "collect": {"env": POINT, "n_steps": 3, "rng": RNG},
        "has_terminated": {"done": True},
        "load_imitation": {"source": Imitated()},
        "load_minari": {"dataset": type("Data", (), {"iterate_episodes": lambda self: []})()},
        "rollout_env": {"policy": Still([0.0]), "env": POINT},
        "save_episodes": {"path": FOLDER / "episodes.npz", "episodes": [EPISODE]},
        "load_episodes": {"path": FOLDER / "episodes.npz"},
    },
    "rlsp_sb3.diagnosis": {
        "DiagnosisCallback": {"episodes": [EPISODE]},
        "RealPasts": {"episodes": [EPISODE], "observed_states": EPISODE.states},
    },
    "rlsp_sb3.encoders": {
        "EnvironmentFeatures": {"env": ROOM},
        "FunctionEncoder": {"features": features, "feature_names": ["a"]},
        "IdentityEncoder": {"observation_space": (2,)},
        "RandomFourierFeatures": {"observation_space": (2,)},
        "StateVAE": {"observation_space": (2,), "hidden": (4,)},
        "make_encoder": {"encoder": "auto", "env": POINT},
        "slow_axes": {"features": np.eye(3), "next_features": np.ones((3, 3))},
    },
    "rlsp_sb3.env_util": {
        "as_vec_env": {"env": POINT},
        "find_spec": {"env": "CartPole-v1"},
        "first_base_env": {"env": as_vec_env(POINT)},
        "make_env": {"env": "CartPole-v1"},
    },
    "rlsp_sb3.evaluation": {
        "SimulatedReward": {"env": POINT},
        "epic_distance": {
            "reward": LinearReward([1.0]),
            "other": LinearReward([2.0]),
            "transitions": STEPS,
        },
        "held_out_cross_entropy": {"first": SEGMENTS, "second": SEGMENTS},
        "mean_interval": {"values": np.arange(6.0)},
        "measure_returns": {"policy": Still([0.0]), "env": POINT, "n_episodes": 1},
        "starc_distance": {
            "mdp": MDP,
            "reward": np.arange(float(MDP.n_states)),
            "other": EACH_STATE,
        },
        "summarize": {"strata": [[1.0, 2.0]]},
        "summarize_curves": {"values": [[1.0, 2.0]]},
    },
    "rlsp_sb3.experiments": {
        "DiagnosisRun": {
            "env": "Pendulum-v1",
            "expert": [SWING],
            "folder": FOLDER / "diagnosis",
            "preset": "smoke",
            "arguments": {"horizon": 2},
            "force": True,
        },
        "LearnerRun": {"env": "RoomDefault-v0", "folder": FOLDER / "run", "force": True},
        "load_config": {"env_id": "Hopper-FW-v2"},
    },
    "rlsp_sb3.experiments.executors": {"LocalExecutor": {}},
    "rlsp_sb3.hyperparameters": {
        "FitSettings": {"n_updates": 1, "batch_size": 1, "learning_rate": 1.0}
    },
    "rlsp_sb3.models": {
        "ActionNormalizer": {"space": MOVES},
        "DeltaModel": {"observation_space": (1,), "action_space": MOVES, "hidden": (4,)},
        "Normalizer": {"space": (1,)},
    },
    "rlsp_sb3.planning": {
        "PlannedPolicy": {"env": ROOM, "table": TABLE, "rng": RNG},
        "expected_sums": {
            "transitions": MDP.transitions,
            "policy": TABLE,
            "quantity": EACH_STATE,
        },
        "occupancies": {
            "transitions": MDP.transitions,
            "policy": TABLE,
            "initial_distribution": MDP.initial_distribution,
        },
        "true_return_fraction": {
            "mdp": MDP,
            "planned_rewards": EACH_STATE,
            "true_rewards": EACH_STATE,
            "start": 0,
        },
        "value_iteration": {
            "transitions": MDP.transitions,
            "rewards": EACH_STATE,
            "horizon": 3,
        },
    },
    "rlsp_sb3.policies": {
        "ExpertRun": {"env": "Pendulum-v1", "out": FOLDER / "expert.zip", "force": True},
        "RandomPolicy": {"env": POINT, "seed": 0},
        "import_sb2_sac": {"path": FOLDER / "sac.zip", "env": Point()},
    },
    "rlsp_sb3.presets": {"find_preset": {"preset": "fast"}},
    "rlsp_sb3.rewards": {
        "GaussianPrior": PRIOR,
        "LaplacePrior": PRIOR,
        "RelabeledReplayBuffer": {
            "buffer_size": 10,
            "observation_space": BOX,
            "action_space": MOVES,
            "features": features,
            "theta": [1.0],
        },
        "RewardVecEnv": {"venv": as_vec_env(POINT), "reward": first},
        "UniformPrior": PRIOR,
    },
    "rlsp_sb3.rlsp": {
        "simulate_past": {
            "observed_states": STATES,
            "inverse_policy": Drawn(),
            "inverse_dynamics": Drawn(),
            "horizon": 3,
            "n_trajectories": 4,
            "rng": RNG,
        },
    },
    "rlsp_sb3.simulators": {
        "LearnedSimulator": {
            "env": POINT,
            "rng": RNG,
            "model": DeltaModel((1,), MOVES, (8,)),
            "n_initial": 2,
        },
        "ResetSimulator": {"env": POINT, "rng": RNG},
        "SimulatorVecEnv": {
            "simulator": SIMULATOR,
            "n_envs": 2,
            "episode_length": 3,
            "reward": first,
            "rng": RNG,
        },
        "TabularSimulator": {"env": ROOM, "rng": RNG},
        "make_simulator": {"env": POINT, "rng": RNG},
        "rollout_simulator": {
            "simulator": SIMULATOR,
            "policy": never_moves,
            "starts": STATES,
            "n_steps": 2,
        },
    },
    "rlsp_sb3.solvers": {
        "find_solver": {
            "solver": "SAC",
            "observation_space": BOX,
            "action_space": MOVES,
            "can_plan": False,
        }
    },
    "rlsp_sb3.state_reset": {
        "classic_states": {"env": CART.unwrapped, "observations": np.zeros((2, 4))},
        "set_state_from_observation": {"env": CART, "observation": np.zeros(4)},
        "state_setter": {"env": POINT},
    },
    "rlsp_sb3.tabular_rlsp": {
        "StateLikelihood": {
            "mdp": MDP,
            "observed": np.array([MDP.initial_distribution.argmax()]),
            "initial_distribution": MDP.initial_distribution,
            "horizon": 3,
            "temperature": 1.0,
        },
    },
    "rlsp_sb3.utils": {"channels_last": {"observations": STATES, "space": BOX}},
    "rlsp_sb3.video": {"make_for_film": {"env_id": "RoomDefault-v0"}},
}

# What was seen may be NaN, and the rewards of an episode may be unknown.
MAY_BE_NAN = {
    ("Episode", "observations"),
    ("Episode", "rewards"),
    ("channels_last", "observations"),
}

CASES = [
    pytest.param(
        module,
        name,
        right,
        id=f"{module}.{name}",
        marks=pytest.mark.skipif(
            right is IMITATING and find_spec("imitation") is None, reason="needs imitation"
        ),
    )
    for module, functions in RIGHT.items()
    for name, right in functions.items()
]


def outcome(function, right, argument, value):
    """Whether a value is taken, clearly refused, or else what happens."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            function(**{**right, argument: value})
    except gym.error.DependencyNotInstalled:
        return "refused"
    except (ValueError, TypeError, OSError, gym.error.Error) as error:
        # What is not there, such as a file or an environment, is named itself.
        names = [argument, value] if isinstance(value, str) else [argument]
        clear = any(re.search(rf"\b{name}\b", str(error)) for name in names)
        return "refused" if clear else f"{type(error).__name__}: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "taken"


def walk(module, name, right):
    """The outcome by argument and by what is wrong with it."""
    function = getattr(importlib.import_module(module), name)
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    own = inspect.signature(function).parameters.values()
    arguments = dict.fromkeys([*right, *(each.name for each in own if each.kind not in variadic)])
    return {
        (argument, what): outcome(function, right, argument, value)
        for argument in arguments
        for what, value in WRONG.items()
    }


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    """What is called "nonsense" is written here."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("module", "name", "right"), CASES)
def test_wrong_arguments_are_named(module, name, right):
    assert name in PUBLIC[module]
    getattr(importlib.import_module(module), name)(**right)  # these are right
    found = walk(module, name, right)
    print(Counter(found.values()))
    unclear = {key: value for key, value in found.items() if value not in ("taken", "refused")}
    assert unclear == {}
    silent = [
        (argument, what)
        for (argument, what), value in found.items()
        if what in NANS and value == "taken" and (name, argument) not in MAY_BE_NAN
    ]
    assert silent == []
