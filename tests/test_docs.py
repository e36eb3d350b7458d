"""The pages for people: every example in them is run or checked, every link leads somewhere, nothing there is goes unnamed."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from copy import deepcopy
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from network import DescriptionError, load
from tests.pages import PAGES, ROOT, Block, blocks, changed, normalized, run

LEFT_BEHIND = shutil.ignore_patterns(".git", ".venv*", "build", "__pycache__", ".*_cache", "*.egg-info", ".hypothesis")
OTHER_PROGRAMS = ("apt", "cat", "sudo", "cd", "cp", "dask", "git", "pynq", "python3", "export", "source")
"""Programs of others that pages name, which are not checked."""


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """A copy of the checkout in which the digits are built."""
    checkout = tmp_path_factory.mktemp("docs") / "resflow"
    shutil.copytree(ROOT, checkout, ignore=LEFT_BEHIND)
    done = run("doit xclbin", checkout, environment(checkout))
    assert done.returncode == 0, done.stdout
    return checkout


@pytest.fixture
def checkout(built, tmp_path):
    """A copy of that, for the reader of a page to work in."""
    return Path(shutil.copytree(built, tmp_path / "resflow"))


def environment(checkout):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(checkout), "COLUMNS": "140", "PYTHONWARNINGS": "ignore"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_examples(page, checkout, request):
    read(page, checkout, record=request.config.getoption("--record"))


def read(page: Path, checkout: Path, record: bool = False) -> None:
    """Do everything a page says; with `record`, blocks `output of` get what is really printed, and an error still if a part of one is not."""
    program = ""
    for block in blocks(page):
        try:
            if block.language == "python" and not {"not run", "file", "append to", "change in", "sketch"} & set(block.remarks):
                program += block.text
            else:
                follow(block, checkout, record)
        except AssertionError as error:
            raise AssertionError(f"{block}: {error}") from None
    if program:
        done = subprocess.run([sys.executable, "-c", program], cwd=checkout, env=environment(checkout), capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, ""), f"{page.name}: {done.stdout}{done.stderr}"


def follow(block: Block, checkout: Path, record: bool) -> None:
    """Do what a block says, or see that it can be done; AssertionError otherwise."""
    said, text = block.remarks, block.text
    if "measured" in said or "sketch" in said:
        assert said.get("measured", "sketch"), "measured, but under which conditions?"
    elif "file" in said:
        (checkout / said["file"]).parent.mkdir(exist_ok=True)
        (checkout / said["file"]).write_text(text, encoding="utf-8")
    elif "append to" in said:
        path = checkout / said["append to"]
        path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")
    elif "change in" in said:
        path = checkout / said["change in"]
        path.write_text(changed(path.read_text(encoding="utf-8"), text), encoding="utf-8")
    elif "output of" in said or "part of" in said:
        compare(block, checkout, record)
    elif block.language == "sh":
        for command in commands(text):
            check(command, checkout)
        if "not run" not in said:
            done = run(text, checkout, environment(checkout))
            assert done.returncode == 0, f"{text}ended with status {done.returncode}:\n{done.stdout}"
    elif block.language == "python":
        try:
            compile(text, str(block), "exec")
        except SyntaxError as error:
            raise AssertionError(str(error)) from None
    else:
        assert not block.language or block.language == "yaml", f"{block.language}: what is to be done with it?"
    if block.language == "yaml":
        path = checkout / "configs" / "_of_a_page.yaml"
        path.write_text(text if re.search(r"^network:", text, re.MULTILINE) else f"network: page\nlike: digits\n{text}", encoding="utf-8")
        try:
            load(path)
        finally:
            path.unlink()


def compare(block: Block, checkout: Path, record: bool) -> None:
    said = block.remarks
    edited = None
    if "after" in said:
        name, number, old, new = re.fullmatch(r"(\S+):(\d+) (.+) -> (.+)", said["after"]).groups()
        edited, before = checkout / name, (checkout / name).read_text(encoding="utf-8")
        lines = before.split("\n")
        assert old in lines[int(number) - 1], f"{name}:{number} has no {old}"
        lines[int(number) - 1] = lines[int(number) - 1].replace(old, new)
        edited.write_text("\n".join(lines).replace("\\n", "\n"), encoding="utf-8")
    done = run(said.get("output of") or said["part of"], checkout, environment(checkout))
    if edited is not None:
        edited.write_text(before, encoding="utf-8")
    printed, expected = normalized(done.stdout), normalized(block.text)
    if record and "output of" in said and "…" not in expected:
        page = block.page.read_text(encoding="utf-8")
        block.page.write_text(page.replace(f"```text\n{block.text}```", f"```text\n{done.stdout.rstrip()}\n```"), encoding="utf-8")
        return
    expected = ".*?".join(map(re.escape, expected.split("…")))  # what a page leaves out
    if "output of" in said:
        assert re.fullmatch(expected, printed, re.DOTALL), f"prints\n{printed}\ninstead"
    else:
        assert re.search(rf"^{expected}$", printed, re.DOTALL | re.MULTILINE), f"is no part of\n{printed}"


def commands(text: str) -> list[list[str]]:
    """The commands of an sh block, word by word."""
    lines = re.sub(r"\\\n", " ", text).splitlines()
    return [words for line in lines for part in re.split(r"&&|\|", line) if (words := shlex.split(part, comments=True))]


def check(words: list[str], checkout: Path) -> None:
    """Whether what a command names exists; it is not run."""
    while re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    program, *rest = words
    for word in rest:
        if re.match(r"(configs|tests|docs|hls|network|dataflow)/", word):
            assert (checkout / word.partition("::")[0]).exists(), f"there is no {word}"
    if program in ("doit", "./doitw"):
        check_doit(rest)
    elif program == "python" and rest[:1] == ["-m"]:
        assert find_spec(rest[1]) is not None, f"there is no module {rest[1]}"
        subcommands = [word for word in rest[2:3] if rest[1] == "runtime"]
        check_options(f"python -m {' '.join([rest[1], *subcommands])} --help", rest[2:])
    elif program == "resflow":
        check_options(f"resflow {rest[0]} --help", rest[1:])
    elif program == "pip":
        extras = set(re.findall(r"^(\w+) = \[", (ROOT / "pyproject.toml").read_text().partition("optional-dependencies]")[2], re.MULTILINE))
        asked = {extra for word in rest for found in re.findall(r"\[([\w,]+)\]", word) for extra in found.split(",")}
        assert asked <= extras, f"there is no extra {', '.join(asked - extras)}"
    elif program in ("pytest", "ruff", "mypy"):
        check_options(f"{program} --help", [word for word in rest if word != "--check"])
    else:
        assert program in OTHER_PROGRAMS or (checkout / program).exists(), f"what is {program}?"


@cache
def printed(command: str) -> str:
    return run(command, ROOT, environment(ROOT)).stdout


@cache
def tasks() -> dict[str, str]:
    """Every task of doit by name, and what it says of itself: those of the digits, and of the ones whose constants are loaded."""
    found = {}
    for line in (printed("doit network=digits_loaded list --all") + printed("doit list --all")).splitlines():
        name, _, text = line.partition(" ")
        if re.fullmatch(r"[a-z][a-z_]*(:\w+)?", name):
            found[name] = text.strip()
    return found


@cache
def variables() -> tuple[str, ...]:
    (why,) = re.findall(r"^  why: (.*)$", printed("doit nonesuch=1 list || true"), re.MULTILINE)
    return tuple(re.findall(r"(\w+)=", why))


def check_doit(words: list[str]) -> None:
    named = [word for word in words if not word.startswith("-") and "=" not in word and not re.fullmatch(r"[\d.]+|.*\.\w+", word)]
    named = [word for word in named if word not in ("list", "help", "clean")]
    for word in named:
        assert word in tasks(), f"there is no task {word}"
    for word in words:
        if re.match(r"\w+=", word):
            assert word.partition("=")[0] in variables(), f"there is no variable {word.partition('=')[0]}"
    options = [word for word in words if word.startswith("--") and word != "--all"]
    if options:
        check_options(f"doit help {named[-1]}", options)


def check_options(command: str, words: list[str]) -> None:
    text = printed(command)
    for word in words:
        if word.startswith("--"):
            option = word.partition("=")[0]
            assert re.search(rf"(?<![\w-]){option}(?![\w-])", text), f"{command} knows no {option}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if re.match(r"https?:", target):
            continue
        file, _, anchor = target.partition("#")
        other = page.parent / file if file else page
        assert other.exists(), f"{page.name}: {target}: there is no such file"
        if anchor:
            assert anchor in anchors(other), f"{page.name}: {target}: there is no such heading"


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def documented(page: str) -> set[str]:
    """What stands in backquotes on a page."""
    return set(re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.M | re.S)))


def test_every_key_of_the_description_is_documented(tmp_path):
    described = yaml.safe_load((ROOT / "configs" / "digits.yaml").read_text())
    described |= {"memory": {}, "pictures": {}}
    described["blocks"]["res2a"] |= {"entry": {}, "join": {}}
    places = ("", "input", "formats", "memory", "stem", "stem.conv", "stem.pool", "blocks.res2a", "blocks.res2a.conv1")
    places += ("pictures", "blocks.res2a.entry", "blocks.res2a.join")
    known = {"like"}
    for place in (*places, "blocks.res2a.bypass", "head", "head.fc"):
        document = deepcopy(described)
        mapping = document
        for key in filter(None, place.split(".")):
            mapping = mapping[key]
        mapping["nonesuch"] = 1
        (tmp_path / "page.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
        with pytest.raises(DescriptionError) as raised:
            load(tmp_path / "page.yaml")
        known |= set(re.search(r"why: .* are (.*)", str(raised.value))[1].split(", "))
    assert len(known) > 30
    assert sorted(known - documented("docs/description.md")) == []


def test_every_task_and_variable_is_documented():
    text = documented("docs/build.md") | documented("docs/hardware.md")
    named = {word.partition(" ")[0].partition("=")[0].partition(":<")[0] for word in text}
    assert (
        sorted({name for name in tasks() if not re.match(r"(synth|synth_open|cosim|csim|rtl|rtlsim|generate|test):", name)} - named) == []
    )
    assert len(variables()) >= 8
    assert sorted(set(variables()) - named) == []
    options = {word for word in re.findall(r"--[\w-]+", " ".join(text))}
    for task in ("timing", "fifos", "fold", "predict", "report", "cache"):
        assert sorted(set(re.findall(r"^  (--[\w-]+)", printed(f"doit help {task}"), re.MULTILINE)) - options) == []


def test_every_environment_variable_and_command_is_documented():
    text = set().union(*(documented(str(page.relative_to(ROOT))) for page in PAGES))
    sources = [path for folder in ("codegen", "runtime", "vitis", "hls", "rtl", "dataflow") for path in (ROOT / folder).rglob("*.py")]
    read = {name for path in sources for name in re.findall(r'"(RESFLOW_[A-Z_]+|XILINX_[A-Z]+)"', path.read_text(encoding="utf-8"))}
    assert {"RESFLOW_CACHE", "RESFLOW_DEVICE", "XILINX_HLS"} <= read
    words = {word for name in text for word in re.findall(r"\w+", name)}
    assert sorted(read - words) == []
    for command in re.search(r"\{([\w,]+)\}", printed("python -m runtime --help"))[1].split(","):
        assert command in words
        options = set(re.findall(r"(?<!\w)--[\w-]+", printed(f"python -m runtime {command} --help"))) - {"--help"}
        assert sorted(options - {option for name in text for option in re.findall(r"--[\w-]+", name)}) == []


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("```sh\ndoit nonesuch\n```\n", "there is no task nonesuch"),
        ("```sh\ndoit card=u50 check\n```\n", "there is no variable card"),
        ("<!-- not run: slow -->\n```sh\ndoit fold --fast\n```\n", "knows no --fast"),
        ("<!-- not run: slow -->\n```sh\npython -m network.importers.nonesuch\n```\n", "there is no module"),
        ("```sh\ncp configs/nonesuch.yaml x\n```\n", "there is no configs/nonesuch.yaml"),
        ("<!-- not run: slow -->\n```sh\npip install -e '.[nonesuch]'\n```\n", "there is no extra nonesuch"),
        ("```sh\npython -m runtime info nonesuch.xclbin\n```\n", "ended with status 1"),
        ("<!-- part of: doit folding -->\n```text\n  head 9\n```\n", "is no part of"),
        ("<!-- output of: doit folding -->\n```text\nnothing\n```\n", "instead"),
        ("<!-- change in: configs/digits.yaml -->\n```diff\n-nonesuch\n+other\n```\n", "stand there 0 times"),
        ("```python\nassert 1 == 2\n```\n", "AssertionError"),
    ],
)
def test_wrong_examples_are_found(block, message, built, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"# Page\n\n{block}")
    with pytest.raises(AssertionError) as raised:
        read(page, built)
    assert message in str(raised.value)


def test_wrong_descriptions_are_found(built, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```yaml\nhead: {fc: {pe: 3}}\n```\n")
    with pytest.raises(DescriptionError, match=r"head.fc: pe=3 does not divide 10 classes"):
        read(page, built)
    page.write_text("<!-- ran: yesterday -->\n```sh\ndoit\n```\n")
    with pytest.raises(ValueError, match="ran: yesterday: not one of not run"):
        read(page, built)
