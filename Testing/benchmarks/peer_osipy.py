"""Times osipy's deconvolutions; run by bench.py in osipy's own interpreter.

Reads aif and curves from the .npz named on the command line; prints one JSON object,
{method: {precision: microseconds per voxel}}.
"""

import json
import sys
import time

import numpy as np
from osipy.dsc.deconvolution import svd

METHODS = {
    "sSVD": svd._deconvolve_sSVD,
    "cSVD": svd.deconvolve_cSVD,
    "oSVD": svd.deconvolve_oSVD,
}


def microseconds(function, aif, curves, times, repeats=7):
    function(curves, aif, times)
    best = np.inf
    for _ in range(repeats):
        start = time.perf_counter()
        function(curves, aif, times)
        best = min(best, time.perf_counter() - start)
    return 1e6 * best / len(curves)


def main():
    with np.load(sys.argv[1]) as stored:
        aif, curves, times = stored["aif"], stored["curves"], stored["times"]
    found = {
        name: {
            precision: microseconds(
                function, aif.astype(precision), curves.astype(precision), times
            )
            for precision in ("float64", "float32")
        }
        for name, function in METHODS.items()
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
