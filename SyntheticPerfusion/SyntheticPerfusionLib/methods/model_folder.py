"""A network on disk: a folder with its card (model.json) and its weights (safetensors).

The folder describes itself, so that a model can be handed on as a folder and listed, run and
judged without a line of code. Weights are numbers and nothing else: a pickled file can run a
stranger's code when it is loaded, so none is opened, and a folder that holds one is refused.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ..errors import InputError
from ..maps.write import RESEARCH_USE, unwritable
from .model_card import CARD_FILE, SCHEMA_VERSION, check_card, read_card
from .pickled import is_safetensors, pickled_files

if TYPE_CHECKING:
    import torch

WEIGHTS_FILE = "weights.safetensors"


@dataclass(frozen=True, eq=False)
class ModelFolder:
    """A model that can be run.

    path  its folder.
    card  what model.json says, as the schema Models/model.schema.json has it.
    """

    path: Path
    card: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"<ModelFolder {self.name} ({self.family})>"

    @property
    def name(self) -> str:
        """Name of the model, by which it is chosen."""
        return str(self.card["name"])

    @property
    def family(self) -> str:
        """Name of its family (see families)."""
        return str(self.card["family"])

    @property
    def weights_file(self) -> Path:
        """Where its weights lie."""
        return self.path / self.card["weights"]["file"]

    def verified_weights(self) -> bytes:
        """The content of the weights' file; InputError where it is not that of the card."""
        try:
            content = self.weights_file.read_bytes()
        except OSError as error:
            raise InputError(
                f"The weights {self.weights_file} cannot be read ({error.strerror or error}); "
                "copy the whole folder again."
            ) from error
        found = hashlib.sha256(content).hexdigest()
        if found != self.card["weights"]["sha256"]:
            raise InputError(
                f"The weights {self.weights_file} are not those that {CARD_FILE} describes "
                f"(sha256 {found[:12]}..., expected {self.card['weights']['sha256'][:12]}...): "
                "they were altered or cut short; copy the whole folder again."
            )
        return content

    def weights(self) -> dict[str, torch.Tensor]:
        """Its weights by name, on the CPU; numbers with a fraction as float32.

        Raises InputError where they are missing, altered or no safetensors.
        """
        content = self.verified_weights()
        load = _safetensors().load
        from safetensors import SafetensorError

        try:
            tensors = load(content)
        except SafetensorError as error:
            raise InputError(
                f"The weights {self.weights_file} are no safetensors file ({error})."
            ) from error
        return {
            name: tensor.float() if tensor.is_floating_point() else tensor
            for name, tensor in tensors.items()
        }


def read_model_folder(path: Path, *, digest: bool = True, shipped: bool = False) -> ModelFolder:
    """The model in the folder `path`, checked.

    digest   whether the weights are read through to compare their sha256 with the card's. It is
             compared in any case when they are loaded.
    shipped  whether it came with this installation (see model_card.read_card).
    Raises InputError with what is wrong: no or broken model.json, not as the schema says, made
    for a newer program, of a foreign family, weights missing or altered, something pickled in it.
    """
    path = Path(path)
    folder = ModelFolder(path, MappingProxyType(read_card(path / CARD_FILE, shipped)))
    try:
        _check_files(folder)
    except OSError as error:
        raise InputError(
            f"{error.filename or path} cannot be read ({error.strerror or error})."
        ) from error
    if digest:
        folder.verified_weights()
    return folder


def _check_files(folder: ModelFolder) -> None:
    pickled = pickled_files(folder.path)
    if pickled:
        raise InputError(
            f"{folder.path} holds {pickled[0].name}, a pickled file, which can run code when it is "
            "opened and is not accepted; keep model.json and safetensors weights only."
        )
    if not folder.weights_file.is_file():
        raise InputError(
            f"The weights {folder.weights_file} are missing; copy the whole folder again."
        )
    if not is_safetensors(folder.weights_file):
        raise InputError(
            f"The weights {folder.weights_file} are no safetensors file or are cut short; "
            "copy the whole folder again."
        )


def write_model_folder(
    path: Path,
    card: Mapping[str, Any],
    weights: Mapping[str, torch.Tensor],
    dtype: str = "float32",
) -> ModelFolder:
    """Write a model as the folder `path`, whole or not at all; returns it as read back.

    card     the card; `weights` in it is filled in here, `schema_version` and `intended_use` where
             they are missing.
    weights  tensors by name; numbers with a fraction are stored as `dtype`.
    dtype    float32, or float16 for half the size and three decimal places.
    A model folder that is there is replaced. Raises InputError where the card is not as the schema
    says, a weight is not finite as `dtype`, or the folder cannot be written.
    """
    path = Path(path).resolve()
    other = path.is_file() or (path.is_dir() and any(path.iterdir()))
    if other and not (path / CARD_FILE).is_file():
        raise InputError(
            f"{path} is there and is not a model folder; choose another place for the model."
        )
    stored = {name: _as_stored(name, tensor, dtype) for name, tensor in weights.items()}
    content = _safetensors().save(stored)
    complete = {
        "schema_version": SCHEMA_VERSION,
        "intended_use": RESEARCH_USE,
        **card,
        "weights": {
            "file": WEIGHTS_FILE,
            "sha256": hashlib.sha256(content).hexdigest(),
            "dtype": dtype,
        },
    }
    check_card(complete, f"The card of {path.name}")
    try:
        text = json.dumps(complete, indent=2, allow_nan=False, ensure_ascii=False, default=float)
    except ValueError as error:
        raise InputError(
            f"The card of {path.name} holds a value that JSON has no number for ({error})."
        ) from error
    temporary = path.with_name(f".{uuid4().hex[:8]}-{path.name}")
    try:
        temporary.mkdir(parents=True)
        (temporary / WEIGHTS_FILE).write_bytes(content)
        (temporary / CARD_FILE).write_text(text + "\n", encoding="utf-8")
        _put_in_place(temporary, path)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return read_model_folder(path)


def _as_stored(name: str, tensor: torch.Tensor, dtype: str) -> torch.Tensor:
    import torch

    tensor = tensor.detach().cpu()
    if tensor.is_floating_point():
        tensor = tensor.to(getattr(torch, dtype))
        if not bool(torch.isfinite(tensor).all()):
            raise InputError(
                f"The weight {name} is not finite as {dtype}; the training went astray, or its "
                "numbers need float32."
            )
    return tensor.contiguous().clone()


def _put_in_place(temporary: Path, path: Path) -> None:
    """Make `temporary` the folder `path`; what was there goes only once the new one stands."""
    earlier = path.with_name(f".{uuid4().hex[:8]}-{path.name}")
    with suppress(FileNotFoundError):
        os.rename(path, earlier)
    try:
        os.rename(temporary, path)
    except OSError:
        if earlier.exists():
            os.rename(earlier, path)
        raise
    shutil.rmtree(earlier, ignore_errors=True)


def _safetensors() -> Any:
    try:
        import safetensors.torch
    except ModuleNotFoundError as error:
        raise InputError(
            f"Weights of networks need the Python package {error.name}, which is not installed; "
            f"install it (pip install {error.name})."
        ) from None
    return safetensors.torch
