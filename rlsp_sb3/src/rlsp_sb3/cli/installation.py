"""Diagnosis of an installation: what is there, what works, and what mends it."""

from __future__ import annotations

import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib import metadata
from typing import Literal, NamedTuple

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from rlsp_sb3.utils.machine import n_cores, processor

Status = Literal["ok", "missing", "broken"]
"""The state of something; "missing" is what one can do without."""

DISTRIBUTIONS = ("rlsp-sb3", "rlsp-envs", "rlsp-baselines")
_NEEDED = DISTRIBUTIONS[0]
_SHOWN = ("gymnasium", "stable-baselines3", "torch", "mujoco", "numpy")
EXTRAS = {
    "arviz": "diagnostics of RewardSampling in ArviZ",
    "contrib": "algorithms of sb3-contrib, as solvers and experts",
    "gail": "GAIL and AIRL, by imitation, in a virtual environment of its own: it brings older "
    "releases of Gymnasium and Stable-Baselines3",
    "hub": "learners, policies and data on the Hugging Face Hub",
    "minari": "Minari datasets",
    "mujoco": "environments of MuJoCo",
    "ray": "tables on a Ray cluster",
    "render": "pictures and films of gridworlds",
    "robotics": "the Fetch robots",
    "sbx": "algorithms of sbx, as solvers",
    "video": "films as mp4",
}
"""Uses of the extras of the three packages."""

_TIMEOUT = 60  # seconds, of a process that tries something
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
_GIB = 2**30
_LITTLE = 2.0  # GiB, below which a run may not fit

_TORCH = """
import json, torch
gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
print(json.dumps({"gpus": gpus, "threads": torch.get_num_threads()}))
"""
_RENDER = """
import mujoco
xml = "<mujoco><worldbody><light pos='0 0 3'/><geom size='1'/></worldbody></mujoco>"
model = mujoco.MjModel.from_xml_string(xml)
renderer = mujoco.Renderer(model, 32, 32)
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
renderer.update_scene(data)
if not renderer.render().any():
    raise SystemExit("the picture is black")
"""
_BACKENDS = {"linux": ("egl", "osmesa", "glfw"), "darwin": ("glfw",), "win32": ("glfw",)}


class Finding(NamedTuple):
    """One thing that was looked at.

    Attributes:
        name: What it is.
        text: What was found.
        status: Whether it works.
        mend: The command that mends it; "" if there is none.
    """

    name: str
    text: str
    status: Status = "ok"
    mend: str = ""


def missing_requirements(requirement: Requirement) -> Iterator[Requirement]:
    """Requirements that are not installed, or in another version: it, or what its extras need."""
    try:
        found = metadata.distribution(requirement.name)
    except metadata.PackageNotFoundError:
        yield requirement
        return
    if not requirement.specifier.contains(found.version, prereleases=True):
        yield requirement
        return
    for extra in requirement.extras:
        for inner in requirements(found, extra):
            yield from missing_requirements(inner)


def requirements(distribution: metadata.Distribution, extra: str = "") -> list[Requirement]:
    """Requirements of a distribution, or those that an extra adds to them."""
    every = [Requirement(text) for text in distribution.requires or ()]
    plain = [each for each in every if each.marker is None or each.marker.evaluate({"extra": ""})]
    if not extra:
        return plain
    return [
        each
        for each in every
        if each not in plain and each.marker is not None and each.marker.evaluate({"extra": extra})
    ]


def pip_install(missing: Sequence[Requirement]) -> str:
    """The command that installs requirements."""
    words = [f"{each.name}{_extras(each)}{each.specifier}" for each in missing]
    return shlex.join(["pip", "install", *dict.fromkeys(words)])


def _extras(requirement: Requirement) -> str:
    return f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""


def package_findings() -> Iterator[Finding]:
    """Python, the three packages and what they need."""
    running = platform.python_version()
    supported = SpecifierSet(metadata.metadata(_NEEDED)["Requires-Python"])
    text = f"{running}, {platform.system()} {platform.machine()}"
    if supported.contains(running, prereleases=True):
        yield Finding("python", text)
    else:
        yield Finding("python", f"{text}: expected {supported}", "broken")
    for name in DISTRIBUTIONS:
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            yield Finding(name, "not installed", "missing")
            continue
        missing = [each for need in requirements(found) for each in missing_requirements(need)]
        if missing:
            wanted = ", ".join(map(_wanted, missing))
            yield Finding(
                name, f"{found.version}, and needs {wanted}", "broken", pip_install(missing)
            )
        else:
            yield Finding(name, found.version)
    for name in _SHOWN:
        try:
            yield Finding(name, metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Finding(name, "not installed", "missing")


def _wanted(requirement: Requirement) -> str:
    """A requirement that is missing, and what is there instead."""
    text = f"{requirement.name}{requirement.specifier}"
    try:
        return f"{text} (there is {metadata.version(requirement.name)})"
    except metadata.PackageNotFoundError:
        return text


def extra_findings() -> Iterator[Finding]:
    """The extras of the three packages, and what they bring."""
    for name in DISTRIBUTIONS:
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        for extra in found.metadata.get_all("Provides-Extra") or ():
            wanted = requirements(found, extra)
            missing = [each for need in wanted for each in missing_requirements(need)]
            label, about = f"{name}[{extra}]", EXTRAS.get(extra, "")
            if missing:
                yield Finding(label, about, "missing", pip_install(missing))
            else:
                yield Finding(label, about)


def machine_findings() -> Iterator[Finding]:
    """Processor, threads, GPU, memory and disk."""
    cores = n_cores()
    limits = [f"{name}={os.environ[name]}" for name in _THREADS if name in os.environ]
    yield Finding("processor", f"{processor()}, {cores} core{'s' if cores > 1 else ''}")
    done = _run(_TORCH)
    if done.returncode:
        yield Finding("torch", _last_line(done), "broken", "pip install --force-reinstall torch")
    else:
        about = json.loads(done.stdout)
        yield Finding("threads", "; ".join([f"{about['threads']} of PyTorch", *limits]))
        yield Finding("GPU", ", ".join(about["gpus"]) or "none that PyTorch can use")
    free = available_memory()
    if free is not None:
        yield _size("memory", free, "available")
    yield _size("disk", shutil.disk_usage(".").free, "free in this folder")


def _size(name: str, n_bytes: int, about: str) -> Finding:
    size = n_bytes / _GIB
    status: Status = "missing" if size < _LITTLE else "ok"
    return Finding(name, f"{size:.1f} GiB {about}{', which is little' * (size < _LITTLE)}", status)


def available_memory() -> int | None:
    """Available memory in bytes; None if the system does not tell."""
    names = getattr(os, "sysconf_names", {})  # Windows has none
    if {"SC_AVPHYS_PAGES", "SC_PAGE_SIZE"} <= set(names):
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def rendering_findings() -> Iterator[Finding]:
    """Backends that MuJoCo can render by, each tried in a process of its own."""
    try:
        metadata.version("mujoco")
    except metadata.PackageNotFoundError:
        return
    chosen = os.environ.get("MUJOCO_GL")
    backends = [chosen] if chosen else list(_BACKENDS.get(sys.platform, ("glfw",)))
    results = {backend: _run(_RENDER, MUJOCO_GL=backend) for backend in backends}
    works = [backend for backend, done in results.items() if done.returncode == 0]
    if works:
        yield Finding("MuJoCo renders by", f"MUJOCO_GL={', '.join(works)}")
    else:
        why = "; ".join(f"{backend}: {_last_line(done)}" for backend, done in results.items())
        mend = "apt-get install libegl1 libosmesa6" if sys.platform == "linux" else ""
        yield Finding("MuJoCo renders by", f"nothing ({why})", "missing", mend)


def _run(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python in another process, which may crash or hang."""
    command = [sys.executable, "-c", script]
    try:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT,
            env={**os.environ, **environment},
        )
    except subprocess.TimeoutExpired:
        why = f"it did not end within {_TIMEOUT} s"
        return subprocess.CompletedProcess(command, 1, stdout="", stderr=why)


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    """The error of a process."""
    lines = done.stderr.strip().splitlines()
    return lines[-1][:200] if lines else f"it ended with status {done.returncode}"
