"""Executables for tests."""

from __future__ import annotations


def program(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


QUICK_COMPILER = """#!/bin/sh
for last; do :; done
case "$last" in --version) echo "one that is quick" && exit ;; esac
printf '#!/bin/sh\\necho PASS\\n' > "$last" && chmod +x "$last"
"""


def quick_compiler(folder):
    """A compiler whose programs pass, for tests to which it is no matter what is compiled."""
    return program(folder, "compiler", QUICK_COMPILER)
