"""DSC-MRI perfusion: a series comes in, a method makes maps of it, the maps are measured.

The package imports without Slicer, except `mrml` (needs the MRML scene) and `gui` (needs Qt).
`series`, `maps` and `analysis` load no torch.
"""

__version__ = "0.6.0"
