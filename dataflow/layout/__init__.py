"""Lays out a network whose choices are made: units, streams, links, kernel arguments."""

from dataflow.layout.network import lay_out

__all__ = ["lay_out"]
