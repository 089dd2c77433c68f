"""Files are named after environments as every file system allows."""

import pytest

from rlsp_sb3.io.file_names import env_file_name


@pytest.mark.parametrize(
    ("env_id", "name"),
    [
        ("RoomDefault-v0", "RoomDefault-v0"),
        ("rlsp_envs:RoomDefault-v0", "RoomDefault-v0"),
        ("mine/Grid-v0", "mine-Grid-v0"),
        ("my.envs:mine/Grid-v0", "mine-Grid-v0"),
    ],
)
def test_names_without_colons_and_slashes(env_id, name):
    assert env_file_name(env_id) == name
