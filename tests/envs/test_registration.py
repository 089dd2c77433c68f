"""The environments are registered whatever is imported first."""

import subprocess
import sys

import gymnasium as gym
import pytest
from gymnasium.envs.registration import EnvSpec

import rlsp_envs  # noqa: F401 (registers the environments)

from helpers.brute_force import IDS


@pytest.mark.parametrize(
    "imports",
    [
        "import gymnasium, rlsp_envs",
        "import rlsp_envs, gymnasium",
        "import rlsp_envs.registration, gymnasium",
        "import rlsp_envs.gridworlds.room, gymnasium",
        "import gymnasium.envs.registration, rlsp_envs, gymnasium",
        "import gymnasium, rlsp_envs; gymnasium.register_envs(rlsp_envs)",
        "import gymnasium, rlsp_envs; rlsp_envs.register_envs()",
    ],
)
def test_import_order(imports):
    """Gymnasium 0.29 imports the package while it is itself half imported."""
    code = f"{imports}; assert gymnasium.make('RoomDefault-v0').unwrapped.horizon == 7"
    subprocess.run([sys.executable, "-W", "error::UserWarning", "-c", code], check=True)


@pytest.mark.parametrize("env_id", [*IDS, "HalfCheetah-FW-v2", "HalfCheetah-BW-v2"])
def test_specs_can_be_written_and_read(env_id):
    for spec in (gym.spec(env_id), gym.make(env_id).spec):
        read = EnvSpec.from_json(spec.to_json())
        assert read == spec
        assert gym.make(read).observation_space == gym.make(env_id).observation_space


def test_id_with_module_needs_no_import():
    code = "import gymnasium as gym; gym.make('rlsp_envs:RoomDefault-v0')"
    subprocess.run([sys.executable, "-c", code], check=True)
