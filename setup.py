"""The emulator's kernels in C++; everything else about the package is in pyproject.toml."""

from glob import glob

from pybind11.setup_helpers import ParallelCompile, Pybind11Extension, build_ext
from setuptools import setup

ParallelCompile().install()

native = Pybind11Extension(
    "runtime._native",
    sorted(glob("runtime/native/*.cpp")),
    depends=sorted(glob("runtime/native/*.h") + glob("runtime/native/*.inl")),
    cxx_std=17,
    # Instruction sets are chosen file by file, in the sources; what is left of a -march would leak into all of them.
    extra_compile_args=["-O3", "-g0"],
    optional=True,  # without it the emulator computes with numpy
)

setup(ext_modules=[native], cmdclass={"build_ext": build_ext})
