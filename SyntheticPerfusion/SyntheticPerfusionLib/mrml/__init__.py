"""Slicer's scene: series <-> sequence node, maps -> volumes, overlays, tables and charts.

Everything here takes the scene or its nodes as arguments and works without an application, so that
the same code runs in Slicer and on the MRML scene of the slicer-core package. No Qt.
"""
