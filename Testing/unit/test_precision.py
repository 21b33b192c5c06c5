"""Networks compute in bfloat16 where the processor gains by it, and in float32 elsewhere."""

from __future__ import annotations

import time

import pytest
import torch
from SyntheticPerfusionLib.methods import precision


@pytest.fixture(autouse=True)
def asked_afresh():
    precision.has_bfloat16.cache_clear()
    yield
    precision.has_bfloat16.cache_clear()


def product_dtype():
    matrix = torch.ones(4, 4)
    with precision.autocast("cpu"):
        return (matrix @ matrix).dtype


@pytest.mark.parametrize("check", ["_is_avx512_bf16_supported", "_is_amx_tile_supported"])
@pytest.mark.parametrize(("slowed", "expected"), [("float32", "bfloat16"), ("bfloat16", "float32")])
def test_bfloat16_where_the_processor_has_it_and_is_faster_in_it(
    monkeypatch, check, slowed, expected
):
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda name=name: name == check, raising=False)

    def product(first, second):
        # Whole milliseconds apart, whatever this machine is good at.
        time.sleep(0.004 if first.dtype == getattr(torch, slowed) else 0.001)
        return first

    with monkeypatch.context() as slow_machine:
        slow_machine.setattr(torch, "mm", product)
        precision.has_bfloat16("cpu")
    assert product_dtype() == getattr(torch, expected)


def test_float32_where_it_has_not(monkeypatch):
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: False, raising=False)
    assert product_dtype() == torch.float32


def test_float32_where_torch_cannot_tell(monkeypatch):
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.delattr(torch.cpu, name, raising=False)
    assert product_dtype() == torch.float32


@pytest.mark.parametrize(("capability", "expected"), [((7, 5), False), ((8, 0), True)])
def test_a_gpu_has_it_from_ampere_on(monkeypatch, capability, expected):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert precision.has_bfloat16("cuda:0") == expected


def test_other_devices_compute_in_float32():
    assert not precision.has_bfloat16("mps")


def test_outside_of_it_nothing_has_changed():
    matrix = torch.ones(4, 4)
    product_dtype()
    assert (matrix @ matrix).dtype == torch.float32
