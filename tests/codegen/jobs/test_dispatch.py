"""Where the products of a job go, and what it may take."""

from dataclasses import replace
from pathlib import Path

import pytest

from codegen.jobs.cache import Cache
from codegen.jobs.dispatch import Dispatch
from codegen.jobs.job import Job, Limits

JOB = Job(step="synth", name="digits", files={}, calls=(), products={}, limits=Limits(timeout_minutes=240, memory_gb=8))


@pytest.mark.parametrize(
    ("step", "folder"),
    [("csim", "csim/digits"), ("synth", "synth/digits"), ("cosim", "cosim/digits"), ("stitch", "stitch"), ("link", "link")],
)
def test_a_block_called_like_the_network_has_a_folder_of_its_own(step: str, folder: str, tmp_path: Path) -> None:
    jobs = Dispatch(build=tmp_path / "digits", cache=Cache(tmp_path / "cache"))
    assert jobs.folder(replace(JOB, step=step)) == tmp_path / "digits" / folder


@pytest.mark.parametrize(
    ("given", "limits"),
    [
        ({}, (240, 8)),
        ({"timeout_minutes": 600}, (600, 8)),
        ({"memory_gb": 0}, (240, 0)),
        ({"timeout_minutes": 0.5, "memory_gb": 24}, (0.5, 24)),
    ],
)
def test_the_user_s_limits_replace_those_of_the_step(given: dict[str, float], limits: tuple[float, float], tmp_path: Path) -> None:
    jobs = Dispatch(build=tmp_path, cache=Cache(None), **given)
    assert jobs.limits(JOB) == Limits(timeout_minutes=limits[0], memory_gb=limits[1])
