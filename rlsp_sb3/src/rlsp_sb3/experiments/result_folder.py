"""The folder of an experiment: one file for each job that is done."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rlsp_sb3.experiments.job import Job, Outcome
from rlsp_sb3.io.atomic_write import atomic_write
from rlsp_sb3.io.folder_lock import lock_folder
from rlsp_sb3.io.json_file import read_json, write_json
from rlsp_sb3.runs.run_folder import versions

_UNFINISHED = ".unfinished"


class ResultFolder:
    """Keeps what jobs leave behind, each in files of its own below ``jobs``.

    A result is a JSON file that is there as a whole or not at all, and counts if it has the
    fingerprint of the job; the learner lies beside it, and is written first.

    Args:
        path: The folder; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.jobs = path / "jobs"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the folder, and keep other processes out of it; a lock ends with its process.

        Raises:
            InUseError: If another one works there.
            OSError: If it cannot be made or written to.
        """
        self.jobs.mkdir(parents=True, exist_ok=True)
        lock = lock_folder(self.path, "another folder by --out")
        try:
            for unfinished in self.jobs.glob(".*.tmp"):  # of a process that was killed
                unfinished.unlink()
            yield
        finally:
            lock.release()

    def find(self, job: Job) -> Any:
        """The result of a job; None if it has none yet, a spoiled one, or of other settings."""
        try:
            content = read_json(self._result(job))
            if not isinstance(content, dict) or content.get("fingerprint") != job.fingerprint:
                return None
            return job.figures_class.from_dict(content.get("figures"))
        except (FileNotFoundError, TypeError, ValueError):  # none, or not ours: computed anew
            return None

    def add(self, job: Job, outcome: Outcome) -> None:
        """Write the result of a job, and remove what it would have taken to resume it."""
        files = {self.learner(job): outcome.learner, self.episodes(job): outcome.episodes}
        for path, written in files.items():
            if written is not None:
                with atomic_write(path) as unfinished:
                    unfinished.write_bytes(written)
        content: dict[str, Any] = {
            "fingerprint": job.fingerprint,
            **job.about(),
            "figures": outcome.figures.to_dict(),
            "versions": versions(),
        }
        write_json(self._result(job), content)
        for work in self.jobs.glob(f"{job.name}.*{_UNFINISHED}"):
            shutil.rmtree(work)

    def learner(self, job: Job) -> Path:
        """The file of the learner of a job."""
        return self.jobs / f"{job.name}.zip"

    def episodes(self, job: Job) -> Path:
        """The file of episodes of the policy that a job has learned."""
        return self.jobs / f"{job.name}.npz"

    def work(self, job: Job) -> Path:
        """The folder of what it takes to resume a job, with this configuration only."""
        return self.jobs / f"{job.name}.{job.fingerprint}{_UNFINISHED}"

    def _result(self, job: Job) -> Path:
        return self.jobs / f"{job.name}.json"
