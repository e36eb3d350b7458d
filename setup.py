"""The native code; everything else about the package is in pyproject.toml."""

from glob import glob

from pybind11.setup_helpers import ParallelCompile, Pybind11Extension, build_ext
from setuptools import setup

ParallelCompile().install()


def native(package: str) -> Pybind11Extension:
    return Pybind11Extension(
        f"{package}._native",
        sorted(glob(f"{package}/native/*.cpp")),
        depends=sorted(glob(f"{package}/native/*.h") + glob(f"{package}/native/*.inl")),
        cxx_std=17,
        # Instruction sets are chosen file by file, in the sources; what is left of a -march would leak into all of them.
        extra_compile_args=["-O3", "-g0"],
        optional=True,  # without it the emulator computes with numpy; there is no timing simulation
    )


setup(ext_modules=[native("runtime"), native("dataflow")], cmdclass={"build_ext": build_ext})
