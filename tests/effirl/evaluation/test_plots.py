from pathlib import Path

from effirl.evaluation.bootstrap import Estimate
from effirl.evaluation.plots import Point, plot_before_after, plot_front

PNG = b"\x89PNG"
NONE = Estimate(None, None, None, 0)


def gain(value: float) -> Estimate:
    return Estimate(value, value - 0.1, value + 0.1, 5)


def test_a_front_is_drawn_also_with_points_that_have_no_gain(tmp_path: Path) -> None:
    points = [
        Point("warm start", gain(0.0), gain(0.0), is_control=True),
        Point("alpha 0", gain(0.1), gain(0.5), runs=((0.0, 0.5), (0.2, 0.5))),
        Point("alpha 0.5", NONE, NONE),
        Point("alpha 1", gain(0.6), Estimate(-0.1, None, None, 1)),
    ]
    plot_front(points, tmp_path / "front.png", tmp_path / "front.svg")
    assert (tmp_path / "front.svg").read_text().startswith("<?xml")
    assert (tmp_path / "front.png").read_bytes().startswith(PNG)


def test_stages_are_drawn_with_missing_figures(tmp_path: Path) -> None:
    names = ("pass@1", "time_gain", "memory_gain")
    stages = {
        "base": dict.fromkeys(names, NONE),
        "warm start": dict.fromkeys(names, gain(0.3)),
        "reinforced": dict.fromkeys(names, gain(0.5)),
    }
    plot_before_after(stages, tmp_path / "deep" / "stages.png")
    assert (tmp_path / "deep" / "stages.png").read_bytes().startswith(PNG)
