"""The audit of a data set: every pair measured anew, beside what the data set claims of it.

`measuring` runs and compares the programs of a pair; `results` keeps what was found, as it is
found; `coverage` says what kinds of problems there are; `sharing` what other data sets have of
them; `tables`, `plots` and `report` show it; `command` is the whole.
"""
