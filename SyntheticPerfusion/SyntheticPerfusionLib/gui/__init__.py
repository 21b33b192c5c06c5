"""The panel's sections and the background process: the only place that knows Qt.

`child` and `maps_job` need no Qt either, so that they are tested without an application.
"""
