"""What has to be installed before work can start, asked for when it is needed and not before."""

from __future__ import annotations

from collections.abc import Collection

from slicer.i18n import tr as _

from ..resources import resource

MINIMUM_TORCH = "2.4"


def ensure_torch() -> None:
    """Have PyTorch installed through the PyTorch extension, after asking the person.

    Raises RuntimeError where the extension is missing, the installed PyTorch is too old, or the
    person declines.
    """
    from importlib.metadata import PackageNotFoundError, version

    from packaging.version import Version

    try:
        installed = version("torch")
    except PackageNotFoundError:
        _install_torch()
        return
    if Version(installed) < Version(MINIMUM_TORCH):
        raise RuntimeError(
            _(
                "PyTorch {installed} is installed, {needed} or later is needed; "
                "update it in the PyTorch Utils module."
            ).format(installed=installed, needed=MINIMUM_TORCH)
        )


def _install_torch() -> None:
    try:
        import PyTorchUtils
    except ModuleNotFoundError:
        raise RuntimeError(
            _("PyTorch is needed; install the PyTorch extension in the Extensions Manager.")
        ) from None
    torch = PyTorchUtils.PyTorchUtilsLogic().installTorch(
        askConfirmation=True, torchVersionRequirement=f">={MINIMUM_TORCH}"
    )
    if torch is None:
        raise RuntimeError(_("PyTorch was not installed; it is needed to compute maps."))


def ensure_packages(names: Collection[str] | None = None, file: str = "requirements.txt") -> None:
    """Have packages of a requirements file installed, after asking the person.

    names  as they stand in the file, which says which versions will do; None for all of them.
    Raises RuntimeError where the person declines.
    """
    import slicer.packaging

    listed = slicer.packaging.load_requirements(resource(file))
    wanted = [item for item in listed if names is None or item.name in names]
    slicer.packaging.pip_ensure(wanted, requester="SyntheticPerfusion")
