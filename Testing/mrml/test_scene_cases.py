"""Runs the cases that Slicer's self test runs, on slicer-core's scene."""

from in_slicer.scene_cases import *  # noqa: F403
