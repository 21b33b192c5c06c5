"""Digital patients with known truth: a head and its disease in, a DSC series and its truth out.

`make_patient` of patient.py and `write_patient` of write.py are the way in.
"""

SAME_PATIENTS_SINCE = "0.3.0"
"""First version of the program that draws the same patients as this one, and prepares them alike.

To be raised with every change to what a seed draws, or to what `training.patient_content` makes of
a series (mask, arterial curve, bolus): prepared patients and cohorts of earlier versions are then
made anew, others are kept. `test_drawn_patients.py` pins a patient, so that a change that
nobody thought of is noticed."""
