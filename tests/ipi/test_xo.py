"""The same inputs, the same .xo: in the layout of a real one, with all that differs from run to run."""

from __future__ import annotations

import io
import random
import re
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegen.errors import ToolError
from ipi.xo import normalized

COMPONENT = """<?xml version="1.0" encoding="UTF-8"?>
<spirit:component xmlns:xilinx="http://www.xilinx.com" xmlns:spirit="http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009">
  <spirit:vendor>resflow</spirit:vendor>
  <spirit:fileSets>
    <spirit:file><spirit:name>dcp/toy.dcp</spirit:name></spirit:file>
  </spirit:fileSets>
  <spirit:vendorExtensions>
    <xilinx:coreExtensions>
      <xilinx:supportedFamilies>
        <xilinx:family xilinx:lifeCycle="Production">virtexuplus</xilinx:family>
      </xilinx:supportedFamilies>
      <xilinx:coreRevision>{revision}</xilinx:coreRevision>
      <xilinx:coreCreationDateTime>{date}</xilinx:coreCreationDateTime>
      <xilinx:tags>
{tags}      </xilinx:tags>
    </xilinx:coreExtensions>
    <xilinx:packagingInfo>
      <xilinx:xilinxVersion>2022.2</xilinx:xilinxVersion>
      <xilinx:checksum xilinx:scope="fileGroups" xilinx:value="76ccb9c4"/>
    </xilinx:packagingInfo>
  </spirit:vendorExtensions>
</spirit:component>
"""
TAG = '        <xilinx:tag xilinx:name="ui.data.coregen.dd@{word}_ARCHIVE_LOCATION">{place}</xilinx:tag>\n'
XO = """<?xml version="1.0" encoding="UTF-8"?>
<Root MajorVersion="1" MinorVersion="9" ProjectID="{project}" Date="{date}" Path="{place}/toy.xo">
  <SourceLocation>{place}/toy.v</SourceLocation>
</Root>
"""


def packed(seed: int) -> bytes:
    """An .xo with the words, dates and order of one run."""
    draw = random.Random(seed)
    word = f"{draw.getrandbits(32):08x}"
    values = {
        "revision": draw.randrange(10**9),
        "date": f"20{draw.randrange(19, 30)}-0{draw.randrange(1, 9)}-11T16:55:24Z",
        "project": f"{draw.getrandbits(128):032x}",
        "place": f"/home/{word}/build/work/ipi",
    }
    values["tags"] = "".join(TAG.format(word=f"{draw.getrandbits(24):x}", place=values["place"]) for _ in range(draw.randrange(4)))
    files = [
        ("ip_repo/resflow_kernel_toy_1_0/component.xml", COMPONENT.format(**values).encode()),
        ("ip_repo/resflow_kernel_toy_1_0/dcp/toy.dcp", b"netlist\0\xff 2024-01-01T00:00:00Z"),
        ("xo.xml", XO.format(**values).encode()),
        ("toy/kernel.xml", b'<root><kernel name="toy"/></root>'),
    ]
    draw.shuffle(files)
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(zipfile.ZipInfo("ip_repo/"), b"")
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name, (draw.randrange(1980, 2030), 5, 4, 3, 2, 0)), content, draw.choice([0, 8]))
    return data.getvalue()


@given(st.integers(0, 10**6))
def test_same_inputs_same_bytes(seed: int) -> None:
    assert packed(seed) != packed(seed + 1)
    assert normalized(packed(seed)) == normalized(packed(0))
    assert normalized(normalized(packed(seed))) == normalized(packed(0))


def test_what_is_left() -> None:
    with zipfile.ZipFile(io.BytesIO(normalized(packed(1)))) as archive:
        assert archive.namelist() == [
            "ip_repo/resflow_kernel_toy_1_0/component.xml",
            "ip_repo/resflow_kernel_toy_1_0/dcp/toy.dcp",
            "toy/kernel.xml",
            "xo.xml",
        ]
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.read("ip_repo/resflow_kernel_toy_1_0/dcp/toy.dcp") == b"netlist\0\xff 2024-01-01T00:00:00Z"
        assert archive.read("xo.xml").decode() == (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<Root MajorVersion="1" MinorVersion="9" ProjectID="0" Date="1980-01-01T00:00:00Z" Path="toy.xo">\n'
            "  <SourceLocation>toy.v</SourceLocation>\n</Root>\n"
        )
        component = archive.read("ip_repo/resflow_kernel_toy_1_0/component.xml").decode()
    expected = COMPONENT.format(revision=1, date="1980-01-01T00:00:00Z", tags="")
    assert component == expected
    assert not re.search(r"/home|20\d\d-\d\d-\d\dT", component)


@pytest.mark.parametrize("change", [b"\n", b" changed"])
def test_another_netlist_makes_another_file(change: bytes) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed(1))) as archive, zipfile.ZipFile(data, "w") as target:
        for name in archive.namelist():
            target.writestr(name, archive.read(name) + (change if name.endswith(".dcp") else b""))
    assert normalized(data.getvalue()) != normalized(packed(1))


@pytest.mark.parametrize("data", [b"", b"no zip", packed(1)[:-30], packed(1)[:40]])
def test_a_file_that_is_no_zip(data: bytes) -> None:
    with pytest.raises(ToolError) as error:
        normalized(data)
    what, why, fix = str(error.value).splitlines()
    assert what == "package.log: the packager left a file that is no zip"
    assert why.startswith("  why: an .xo is one, and a folder is kept as one: ")
    assert fix == "  fix: package it again: doit forget package"


@given(st.lists(st.tuples(st.integers(0, len(packed(3)) - 1), st.integers(0, 255)), min_size=1, max_size=8))
def test_a_damaged_file(changes: list[tuple[int, int]]) -> None:
    """Read, or refused: nothing else."""
    data = bytearray(packed(3))
    for place, value in changes:
        data[place] = value
    try:
        normalized(bytes(data))
    except ToolError as error:
        assert "an .xo is one, and a folder is kept as one: " in str(error)
