from pathlib import Path

import numpy as np
import pytest

from network import ParameterError, images, load


def refused(toy_yaml, folder, name):
    path = folder / "toy.yaml"
    path.write_text(toy_yaml.read_text() + f"\nimages: {name}\n")
    with pytest.raises(ParameterError) as error:
        images.load(load(path), folder)
    return str(error.value)


def test_images_of_another_shape(toy_yaml, tmp_path):
    np.savez(tmp_path / "mine.npz", images=np.zeros((2, 8, 8, 3), np.uint8))
    assert refused(toy_yaml, tmp_path, "mine.npz") == (
        "mine.npz: images: uint8 (2, 8, 8, 3), expected uint8 (n, 6, 5, 3)\n"
        "  why: toy takes images of 6x5x3\n  fix: write them in that shape, at least one"
    )


def test_the_digits_for_another_network(toy_yaml, tmp_path):
    """They are what they are: it is the description that can change."""
    assert refused(toy_yaml, tmp_path, "digits") == (
        "digits: images: uint8 (360, 8, 8, 1), expected uint8 (n, 6, 5, 3)\n"
        "  why: toy takes images of 6x5x3\n  fix: write input: {shape: [8, 8, 1]}, or name images of your own"
    )


def test_random_ones(toy_yaml):
    found = images.load(load(toy_yaml), Path())
    assert (found.images.shape, found.labels) == ((64, 6, 5, 3), None)
