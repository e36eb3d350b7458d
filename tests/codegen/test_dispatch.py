"""Where the products of a job go."""

from pathlib import Path

import pytest

from codegen.cache import Cache
from codegen.dispatch import Dispatch
from codegen.jobs import LIMITS, Job


@pytest.mark.parametrize(
    ("step", "folder"),
    [("csim", "csim/digits"), ("synth", "synth/digits"), ("cosim", "cosim/digits"), ("stitch", "stitch"), ("link", "link")],
)
def test_a_block_called_like_the_network_has_a_folder_of_its_own(step: str, folder: str, tmp_path: Path) -> None:
    jobs = Dispatch(build=tmp_path / "digits", cache=Cache(tmp_path / "cache"))
    job = Job(step=step, name="digits", files={}, calls=(), products={}, release="2022.2", limits=LIMITS[step])
    assert jobs.folder(job) == tmp_path / "digits" / folder
