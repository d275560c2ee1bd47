"""Improve one program of the user's, with proof.

`examples` and `asserts_file` read the program and what it is tested on; `inputs` makes more of it,
some to choose on and some to prove on; `search` has a policy rewrite the program, picks the best
and measures it anew; `report` says and writes what was found; `command` joins them.
"""
