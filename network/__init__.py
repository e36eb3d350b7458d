"""What is computed: the description, its formats and parameters, and the reference arithmetic."""

from network.errors import DescriptionError, ParameterError, Source
from network.formats import Format
from network.layers import Classifier, Conv
from network.model import Block, Head, Network, Stem
from network.operations import Shape, Window
from network.yaml.description import load

__all__ = [
    "Block",
    "Classifier",
    "Conv",
    "DescriptionError",
    "Format",
    "Head",
    "Network",
    "ParameterError",
    "Shape",
    "Source",
    "Stem",
    "Window",
    "load",
]
