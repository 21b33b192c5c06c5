"""Rician noise that is the same on every device, however the series is cut into pieces.

Generators of a device keep a state and differ from one device to the next. Here each sample is
numbered, and its noise is a function of the seed and its number alone: the hash of SplitMix64
(Steele, Lea and Flood 2014) gives 64 bits, 32 for the magnitude and 24 for the phase of a complex
normal number (Box and Muller 1958). With S the signal, u and v those two uniform numbers,

    |S + n1 + i n2| = sqrt(S^2 + 2 S r cos(phi) + r^2),   r = sigma sqrt(-2 ln u),   phi = 2 pi v

which is the magnitude image of Gudbjartsson and Patz (1995) for one coil. Where neighbours share
their noise, n1 and n2 are mixed in each slice before they meet the signal (point_spread).
"""

from __future__ import annotations

import math

import torch

from .point_spread import share_noise

_GOLDEN = 0x9E3779B97F4A7C15
_FIRST, _SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_WORD = 1 << 64

_BLOCK = {"cpu": 1 << 16}
"""Samples at once: on a CPU they stay in its cache through all the steps."""
_BLOCK_ELSEWHERE = 1 << 23


def rician(
    signal: torch.Tensor,
    sigma: float,
    seed: int,
    first_frame: int = 0,
    smoothness: float = 0.0,
) -> torch.Tensor:
    """Add noise to a signal (T, ...) of float32 in place, and return it.

    sigma        standard deviation of each channel, in the unit of the signal; 0 adds nothing.
    seed         any whole number from 0; two seeds give unrelated noise.
    first_frame  the number of signal[0] within its series: a series may be given frame by frame.
    smoothness   correlation of neighbours in the slices of a signal (T, K, J, I).

    Bits repeat on one machine; between devices logarithm and cosine differ in the last digit.
    """
    if not sigma >= 0:
        raise ValueError(f"noise has no standard deviation of {sigma}")
    if sigma == 0 or signal.numel() == 0:
        return signal
    if not signal.is_contiguous():
        raise ValueError("noise is added in place and needs a contiguous signal")
    key = _mixed(seed % _WORD)
    first = first_frame * (signal.numel() // signal.shape[0])
    if smoothness > 0:
        return _add_shared(signal, sigma, key, first, smoothness)
    flat = signal.view(-1)
    size = min(_BLOCK.get(signal.device.type, _BLOCK_ELSEWHERE), flat.numel())
    steps = torch.arange(size, dtype=torch.int64, device=signal.device) * _signed(_GOLDEN)
    scratch = _Scratch(size, signal.device)
    for start in range(0, flat.numel(), size):
        block = flat[start : start + size]
        _add(block, steps, _offset(key, first + start), sigma, scratch)
    return signal


def _offset(key: int, sample: int) -> int:
    """The state from which the hash of a sample is made."""
    return _signed(key + (sample + 1) * _GOLDEN)


class _Scratch:
    """Room for one block, so that nothing is allocated on the way."""

    def __init__(self, size: int, device: torch.device) -> None:
        self.words, self.shifted = (
            torch.empty(size, dtype=torch.int64, device=device) for _ in range(2)
        )
        self.squared, self.angle = (torch.empty(size, device=device) for _ in range(2))


def _add_shared(
    signal: torch.Tensor, sigma: float, key: int, first: int, smoothness: float
) -> torch.Tensor:
    """As `rician` for a signal (T, K, J, I), some slices at once, with noise that they share."""
    slices = signal.view(-1, *signal.shape[-2:])
    size = slices[0].numel()
    together = max(1, _BLOCK.get(signal.device.type, _BLOCK_ELSEWHERE) // size)
    together = min(together, slices.shape[0])
    samples = torch.arange(together * size, dtype=torch.int64, device=signal.device)
    steps, scratch = samples * _signed(_GOLDEN), _Scratch(together * size, signal.device)
    for start in range(0, slices.shape[0], together):
        block = slices[start : start + together]
        offset = _offset(key, first + start * size)
        squared, angle = _drawn(steps[: block.numel()], offset, sigma, scratch)
        radius = squared.sqrt_()
        one, other = (
            share_noise((turned(angle) * radius).view(block.shape), smoothness)
            for turned in (torch.cos, torch.sin)
        )
        torch.hypot(one.add_(block), other, out=block)
    return signal


def _add(
    signal: torch.Tensor, steps: torch.Tensor, offset: int, sigma: float, scratch: _Scratch
) -> None:
    squared, angle = _drawn(steps[: signal.numel()], offset, sigma, scratch)
    # S^2 + 2 S r cos + r^2, of which rounding could leave less than nothing where all cancels.
    cross = angle.cos_().mul_(2 * signal)
    signal.square_().add_(squared).add_(cross.mul_(squared.sqrt_())).clamp_(min=0).sqrt_()


def _drawn(
    steps: torch.Tensor, offset: int, sigma: float, scratch: _Scratch
) -> tuple[torch.Tensor, torch.Tensor]:
    """r^2 and phi of a block of samples, in the room of `scratch`."""
    part = slice(steps.numel())
    words, shifted = scratch.words[part], scratch.shifted[part]
    squared, angle = scratch.squared[part], scratch.angle[part]
    torch.add(steps, offset, out=words)
    _mix(words, shifted)
    angle.copy_(torch.bitwise_and(words, 0xFFFFFF, out=shifted))
    angle.mul_(2 * math.pi / (1 << 24))
    # The arithmetic shift leaves -2^31 .. 2^31 - 1, of which float32 rounds the lowest to no more
    # than 0; half a step keeps the logarithm finite.
    squared.copy_(words.bitwise_right_shift_(32))
    squared.add_(2.0**31).mul_(2.0**-32).clamp_(min=2.0**-33).log_().mul_(-2 * sigma**2)
    return squared, angle


def _mix(words: torch.Tensor, shifted: torch.Tensor) -> None:
    """The 64-bit finaliser of SplitMix64, in place on int64, whose products wrap around."""
    for shift, factor in ((30, _FIRST), (27, _SECOND), (31, None)):
        # `>>` repeats the sign; the mask makes it the logical shift of the unsigned word.
        torch.bitwise_right_shift(words, shift, out=shifted)
        words.bitwise_xor_(shifted.bitwise_and_((1 << (64 - shift)) - 1))
        if factor is not None:
            words.mul_(_signed(factor))


def _mixed(word: int) -> int:
    word = ((word ^ (word >> 30)) * _FIRST) % _WORD
    word = ((word ^ (word >> 27)) * _SECOND) % _WORD
    return word ^ (word >> 31)


def _signed(word: int) -> int:
    word %= _WORD
    return word - _WORD if word >= _WORD // 2 else word
