"""Maps of curves by osipy's deconvolutions; run by peer_method.py in osipy's own interpreter.

Each line on standard input names a method, an .npz to read and one to write. The first holds
aif (T,), curves (N, T) in 1/s and times (T,) in s; the second gets flow (N,) in 1/s, mtt and delay
in s. "done" is said on standard output after each.
"""

import sys

import numpy as np
from osipy.dsc.deconvolution import svd

METHODS = {
    "sSVD": svd._deconvolve_sSVD,
    "cSVD": svd.deconvolve_cSVD,
    "oSVD": svd.deconvolve_oSVD,
}


def main():
    for line in sys.stdin:
        name, given, made = line.rstrip("\n").split("\t")
        with np.load(given) as stored:
            result = METHODS[name](stored["curves"], stored["aif"], stored["times"])
        np.savez(made, flow=result.cbf, mtt=result.mtt, delay=result.delay)
        print("done", flush=True)


if __name__ == "__main__":
    main()
