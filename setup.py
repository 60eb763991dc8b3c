"""Adds to the wheel what lies beside the packages in a checkout and ``octavo init`` gives away. All else is in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
# Folder of the checkout → folder of the package; octavo.cli.init looks for both.
GIVEN = {"samples/landing": "octavo/samples", "dags": "octavo/dags"}


class BuildWithGiven(build_py):
    """As usual, and those folders; an editable install finds them where they are."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for source, target in GIVEN.items():
            folder = Path(self.build_lib) / target
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(ROOT / source, folder, ignore=shutil.ignore_patterns("__pycache__"))


setup(cmdclass={"build_py": BuildWithGiven})
