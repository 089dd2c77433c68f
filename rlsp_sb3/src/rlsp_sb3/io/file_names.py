"""Names of files that every file system allows."""

from __future__ import annotations


def env_file_name(env_id: str) -> str:
    """The name of an environment in names of files and folders.

    The module that registers it is left out, and the namespace set off by a dash: colons are not
    allowed in Windows, and a slash would make a folder.

    Args:
        env_id: The environment, as ``gym.make`` takes it, such as "my_envs:mine/Grid-v0".
    """
    return env_id.rpartition(":")[2].replace("/", "-")
