"""A patient written over another leaves nothing of the one before."""

from dataclasses import replace

from SyntheticPerfusionLib.phantom.acquisition import Acquisition
from SyntheticPerfusionLib.phantom.patient import make_patient
from SyntheticPerfusionLib.phantom.write import write_patient

WHOLE = Acquisition.small(frames=50)


def test_collateral_maps_go_with_the_patient_who_had_them(tmp_path):
    write_patient(make_patient("healthy", 1, WHOLE), tmp_path)
    delay = tmp_path / "truth" / "Collateral_delay.nii.gz"
    assert delay.exists()
    cut_off = make_patient("healthy", 1, replace(WHOLE, frames=18))
    assert "Collateral_delay" not in cut_off.truth.names
    write_patient(cut_off, tmp_path)
    assert not delay.exists()
    assert (tmp_path / "truth" / "CBV.nii.gz").exists()
