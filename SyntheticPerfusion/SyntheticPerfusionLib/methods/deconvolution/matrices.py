"""The arterial curve as a convolution matrix, and its singular value decomposition, in float64."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import toeplitz


def toeplitz_matrix(aif: np.ndarray, frame_step_s: float) -> np.ndarray:
    """Lower-triangular (T, T) matrix A[i, j] = dt Ca(i - j) (Ostergaard 1996, equation 4)."""
    return np.asarray(toeplitz(aif, np.zeros(len(aif))) * frame_step_s)


def circulant_matrix(aif: np.ndarray, frame_step_s: float) -> np.ndarray:
    """Block-circulant (2T, 2T) matrix of the zero-padded curve (Wu 2003, equation 4)."""
    padded = np.concatenate([aif, np.zeros(len(aif))])
    return np.asarray(toeplitz(padded, np.roll(padded[::-1], 1)) * frame_step_s)


@dataclass(frozen=True, eq=False)
class Spectrum:
    """The block-circulant matrix in the Fourier basis, which diagonalises it.

    Frequencies come in order of falling singular value. Each has two real columns (one for the
    zero frequency and the highest one, whose second column is zero), so that the first 2 n rows
    and columns are the n largest singular values:
    the residue truncated to them is ``curves @ analysis[:, :2n] @ synthesis[:2n]``.

    singular_values  (T + 1,) falling, in s times the unit of the AIF.
    analysis         (T, 2T + 2) real: the Fourier coefficients of a zero-padded curve.
    synthesis        (2T + 2, 2T) real: the residue of those coefficients, divided by the AIF's.
    """

    singular_values: np.ndarray
    analysis: np.ndarray
    synthesis: np.ndarray

    @classmethod
    def of(cls, aif: np.ndarray, frame_step_s: float) -> Spectrum:
        """Spectrum of the (T,) arterial curve sampled every `frame_step_s` seconds."""
        frames = len(aif)
        period = 2 * frames
        eigenvalues = np.fft.rfft(aif, n=period) * frame_step_s
        order = np.argsort(-np.abs(eigenvalues), kind="stable")
        frequency = np.arange(frames + 1)[order]
        eigenvalues = eigenvalues[order]

        # A real signal holds every frequency twice but the lowest and the highest.
        weight = np.where((frequency == 0) | (frequency == frames), 1.0, 2.0) / period
        smallest = np.finfo(np.float64).tiny
        gain = weight / np.where(np.abs(eigenvalues) > smallest, eigenvalues, np.inf)

        turn = 2.0 * np.pi / period
        wave = np.exp(-1j * turn * np.outer(np.arange(frames), frequency))
        answer = gain[:, None] * np.exp(1j * turn * np.outer(frequency, np.arange(period)))
        analysis = np.stack([wave.real, wave.imag], axis=2).reshape(frames, -1)
        synthesis = np.stack([answer.real, -answer.imag], axis=1).reshape(-1, period)
        return cls(np.abs(eigenvalues), analysis, synthesis)

    def rank_at(self, threshold: float) -> int:
        """How many frequencies have a singular value of at least `threshold` times the largest."""
        return int(np.sum(self.singular_values >= threshold * self.singular_values[0]))

    def inverse_at(self, threshold: float) -> np.ndarray:
        """(T, 2T) matrix G so that ``curves @ G`` is the residue truncated at `threshold`."""
        kept = 2 * self.rank_at(threshold)
        return np.asarray(self.analysis[:, :kept] @ self.synthesis[:kept])
