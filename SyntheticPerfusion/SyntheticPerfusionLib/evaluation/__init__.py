"""How good methods are: maps against the truth of patients that no training saw."""
