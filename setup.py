"""What pyproject.toml has no word for: models and training configurations go into the library.

They lie in Resources at the root of the sources, for people and for Slicer's build. An installed
library has no such root: there they are its `data`, where `resources.resource` looks first.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = ("Models", "Training")
SOURCE = Path(__file__).parent / "Resources"


class BuildWithModels(build_py):
    """The library with what is shipped beside it."""

    def run(self) -> None:
        """Copy the library, then the rest; an editable install reads the sources as they are."""
        super().run()
        if self.editable_mode:
            return
        for name in SHIPPED:
            target = Path(self.build_lib, "SyntheticPerfusionLib", "data", name)
            shutil.rmtree(target, ignore_errors=True)  # of an earlier build, with earlier models
            shutil.copytree(SOURCE / name, target)


setup(cmdclass={"build_py": BuildWithModels})
