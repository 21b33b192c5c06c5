"""What was measured: the DSC series, its files, timing, brain mask, motion, concentration, AIF."""
