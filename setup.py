"""Adds to the wheel what lies beside the packages in a checkout: the sample documents that ``octavo init`` gives. All else is in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SAMPLES = Path(__file__).resolve().parent / "samples" / "landing"


class BuildWithSamples(build_py):
    """As usual, and the samples as ``octavo/samples``; an editable install finds them where they are."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            shutil.copytree(SAMPLES, Path(self.build_lib) / "octavo" / "samples", dirs_exist_ok=True)


setup(cmdclass={"build_py": BuildWithSamples})
