"""Where the files that travel with the library lie.

One function finds them alike in a source tree, in an installed Slicer extension and in a library
installed by pip. Three folders are looked through, in this order:
`SyntheticPerfusionLib/data` (shipped with the library everywhere), `Resources` beside the library
(the Slicer module's own, in the source tree and in the extension) and `Resources` at the root of
the source tree.
"""

from __future__ import annotations

from pathlib import Path

_LIBRARY = Path(__file__).resolve().parent

RESOURCE_FOLDERS: tuple[Path, ...] = (
    _LIBRARY / "data",
    _LIBRARY.parent / "Resources",
    _LIBRARY.parent.parent / "Resources",
)


def resource(name: str, folders: tuple[Path, ...] = RESOURCE_FOLDERS) -> Path:
    """The file or folder `name` ("mni152_2mm.npz", "Models/x") of the first folder that has it.

    Raises FileNotFoundError where none has: the installation is incomplete, which is a fault and
    not the person's input.
    """
    for folder in folders:
        found = folder / name
        if found.exists():
            return found
    places = ", ".join(str(folder) for folder in folders)
    raise FileNotFoundError(f"{name} is missing from this installation (looked in {places}).")
