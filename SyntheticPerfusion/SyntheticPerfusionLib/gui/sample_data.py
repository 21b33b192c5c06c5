"""What the Sample Data module offers of ours: digital patients.

Slicer asks for this at every start, so nothing heavy is imported before a sample is wanted.
"""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

CATEGORY = "SyntheticPerfusion"

SAMPLES = {
    "DSC stroke": "stroke",
    "DSC glioma, high grade": "glioma-high",
    "DSC glioma, low grade": "glioma-low",
}
"""Sample name -> kind of patient on the command line."""


def register(thumbnail: str) -> None:
    """Offer the digital patients; `thumbnail` is the path of their picture."""
    import SampleData

    SampleData.SampleDataLogic.registerCustomSampleDataCategory(
        CATEGORY, title=_("Synthetic Perfusion (digital patients)")
    )
    for name, kind in SAMPLES.items():
        SampleData.SampleDataLogic.registerCustomSampleDataSource(
            category=CATEGORY,
            sampleName=name,
            # Nothing is downloaded; the module asks for an address and a file name all the same.
            uris=f"synthetic-perfusion:{kind}",
            fileNames=f"{kind}.nii.gz",
            nodeNames=name,
            thumbnailFileName=thumbnail,
            customDownloader=_maker(name, kind),
        )


def _maker(name: str, kind: str) -> Any:
    def make(_source: object) -> list[Any]:
        from .digital_patient import make_sample

        return make_sample(kind, name)

    return make
