"""Weights alone, as safetensors: what the best model of a run is kept in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from ..errors import InputError
from ..maps.write import unwritable
from ..series.atomic import replacing


def write_weights(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Write tensors by name, whole or not at all; InputError where the disk will not have them."""
    from safetensors.torch import save

    content = save({name: value.detach().cpu().contiguous() for name, value in weights.items()})
    try:
        with replacing(path) as temporary:
            temporary.write_bytes(content)
    except OSError as error:
        raise unwritable(path, error) from error


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of `write_weights`; InputError where the file is missing or damaged."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return dict(load(path.read_bytes()))
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"The best weights {path} cannot be read ({error}); start this training again in "
            "another output folder."
        ) from error
