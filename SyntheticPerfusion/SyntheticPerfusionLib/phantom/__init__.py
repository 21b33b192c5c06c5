"""Digital patients with known truth: a head and its disease in, a DSC series and its truth out.

`make_patient` of patient.py and `write_patient` of write.py are the way in.
"""
