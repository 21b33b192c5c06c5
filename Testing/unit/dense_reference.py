"""The four deconvolutions as plain float64 dense matrices, one voxel at a time, to compare with."""

from __future__ import annotations

from functools import lru_cache

import numpy as np


def toeplitz(aif, step):
    size = len(aif)
    matrix = np.zeros((size, size))
    for row in range(size):
        for column in range(row + 1):
            matrix[row, column] = step * aif[row - column]
    return matrix


def circulant(aif, step):
    size = 2 * len(aif)
    padded = np.concatenate([aif, np.zeros(len(aif))])
    matrix = np.zeros((size, size))
    for row in range(size):
        for column in range(size):
            matrix[row, column] = step * padded[(row - column) % size]
    return matrix


@lru_cache(maxsize=8)
def svd_of(content, size):
    return np.linalg.svd(np.frombuffer(content).reshape(size, size))


def svd(matrix):
    return svd_of(matrix.tobytes(), len(matrix))


def truncated(matrix, curve, threshold):
    u, s, vt = svd(matrix)
    inverse = np.where(s >= threshold * s[0] * (1 - 1e-12), 1 / s, 0)
    return vt.T @ (inverse * (u.T @ curve))


def ssvd(aif, step, curve, threshold):
    return truncated(toeplitz(aif, step), curve, threshold)


def csvd(aif, step, curve, threshold):
    return truncated(circulant(aif, step), np.concatenate([curve, 0 * curve]), threshold)


def oscillation_index(residue):
    second = residue - 2 * np.roll(residue, 1) + np.roll(residue, 2)
    return np.abs(second).sum() / (len(residue) * residue.max())


def osvd(aif, step, curve, limit, thresholds, stride=1):
    """(residue, threshold, how near any index tried came to the limit, relative).

    With a stride, every so many thresholds first, then those below the first that meets the limit.
    """
    u, s, vt = svd(circulant(aif, step))
    coefficients = u.T @ np.concatenate([curve, 0 * curve])
    nearest = np.inf

    def try_at(threshold):
        nonlocal nearest
        inverse = np.where(s >= threshold * s[0] * (1 - 1e-12), 1 / s, 0)
        residue = vt.T @ (inverse * coefficients)
        index = oscillation_index(residue)
        nearest = min(nearest, abs(index / limit - 1))
        return residue, 0 <= index < limit

    last = None
    for at in range(stride - 1, len(thresholds), stride):
        residue, met = try_at(thresholds[at])
        last = residue, thresholds[at]
        if met:
            for below in range(at - stride + 1, at):
                finer, met = try_at(thresholds[below])
                if met:
                    last = finer, thresholds[below]
                    break
            break
    return (*last, nearest)


def tikhonov(aif, step, curve, strengths):
    """(residue, how near the second-best score came to the best, relative)."""
    matrix = toeplitz(aif, step)
    largest = np.linalg.norm(matrix, 2)
    scores, residues = [], []
    for strength in strengths * largest:
        normal = matrix.T @ matrix + strength**2 * np.eye(len(aif))
        solved = np.linalg.solve(normal, matrix.T)
        residue = solved @ curve
        misfit = np.sum((matrix @ residue - curve) ** 2)
        scores.append(misfit / (len(aif) - np.trace(matrix @ solved)) ** 2)
        residues.append(residue)
    order = np.argsort(scores)
    return residues[order[0]], scores[order[1]] / scores[order[0]] - 1
