"""Digital patients with known truth: a head and its disease in, a DSC series and its truth out.

`make_patient` of patient.py and `write_patient` of write.py are the way in.
"""

SAME_PATIENTS_SINCE = "0.3.0"
"""First version of the program that draws the same patients as this one, bit for bit. To be raised
with every change to what a seed draws: prepared patients and cohorts of earlier versions are then
drawn anew, others are kept."""
