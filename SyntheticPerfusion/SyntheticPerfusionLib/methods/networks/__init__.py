"""The networks themselves, one file per family: layers and what they compute, no series."""
