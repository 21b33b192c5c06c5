"""DSC-MRI perfusion: a series comes in, a method turns it into maps, the maps are looked at and measured.

The package imports without Slicer, except `mrml` (needs the MRML scene) and `gui` (needs Qt).
`series`, `maps` and `analysis` load no torch.
"""

__version__ = "0.1.0"
