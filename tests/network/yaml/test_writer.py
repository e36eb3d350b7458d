"""Entries set in the text of a description, and nothing else changed."""

import pytest
import yaml

from network.yaml.writer import with_entry

TEXT = """\
# A network.
stem:
  slr: 0                 # the first
  conv: {kernel: 3,
         out: 4}         # two lines
blocks:
  a:
    conv1: {out: 4}      # the last of a

  b: {conv1: {out: 8}, bypass: identity}   # flow style
  c:
    fifos: {bypass: 3}   # measured
    slr: 1
head: {top: 3}
"""


ENTRIES = [
    (("stem",), "         out: 4}         # two lines\n", "         out: 4}         # two lines\n  fifos: {x: 2}\n"),
    (("blocks", "a"), "    conv1: {out: 4}      # the last of a\n", "    conv1: {out: 4}      # the last of a\n    fifos: {x: 2}\n"),
    (("blocks", "b"), "bypass: identity}", "bypass: identity, fifos: {x: 2}}"),
    (("blocks", "c"), "fifos: {bypass: 3}", "fifos: {x: 2}"),
    (("head",), "{top: 3}", "{top: 3, fifos: {x: 2}}"),
    ((), "head: {top: 3}\n", "head: {top: 3}\nfifos: {x: 2}\n"),
]


@pytest.mark.parametrize(("place", "was", "now"), ENTRIES)
@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_line_ends_stay(place, was, now, end):
    """Those of Windows, and of an editor that has them its own way; and the mark some put in front."""
    text = "\ufeff" + TEXT.replace("\n", end)
    assert with_entry(text, place, "fifos", "{x: 2}") == text.replace(was.replace("\n", end), now.replace("\n", end))


def test_a_last_line_without_an_end():
    assert with_entry("a:\r\n  b: 1", ("a",), "c", "2") == "a:\r\n  b: 1\r\n  c: 2"
    assert with_entry("a: 1", (), "c", "2") == "a: 1\nc: 2"


@pytest.mark.parametrize(("place", "was", "now"), ENTRIES)
def test_an_entry(place, was, now):
    text = with_entry(TEXT, place, "fifos", "{x: 2}")
    assert text == TEXT.replace(was, now)
    found = yaml.safe_load(text)
    for name in place:
        found = found[name]
    assert found["fifos"] == {"x": 2}


def test_at_the_end_of_a_file_without_a_newline():
    assert with_entry("a:\n  b: 1", ("a",), "c", "2") == "a:\n  b: 1\n  c: 2"


@pytest.mark.parametrize("place", [("nosuch",), ("stem", "slr")])
def test_no_such_place(place):
    with pytest.raises(KeyError):
        with_entry(TEXT, place, "fifos", "{x: 2}")
