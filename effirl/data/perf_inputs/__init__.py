"""Performance inputs: test cases large enough to measure, made from the examples of a problem.

`shape`, `inference` and `constraints` read the examples; `strategies`, `generation`, `columns` and
`random_parts` make larger inputs of the kind, and `conformance` looks at them once more;
`agreement` keeps those on which accepted programs of independent authors print the same; `search`
grows them until a source program is measurable; `store` keeps them, `loading` puts them into
problems; `report` and `command` show what they make visible.
"""

from effirl.data.perf_inputs.loading import describe_inputs, with_performance_inputs

__all__ = ["describe_inputs", "with_performance_inputs"]
