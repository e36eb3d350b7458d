"""What hls, ipi and vitis share: templates, files that change only when their text does, running a tool."""

from codegen.files import write_changed, write_tree
from codegen.templates import render
from codegen.tools import Finished, ToolError, find, run

__all__ = ["Finished", "ToolError", "find", "render", "run", "write_changed", "write_tree"]
