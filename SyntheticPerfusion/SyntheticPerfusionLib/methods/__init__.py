"""How a series becomes maps: one interface, one file per family of methods, and the registry."""
