from pathlib import Path

from effirl.evaluation.bootstrap import Estimate
from effirl.evaluation.plots import Point, front_figure, plot_before_after, plot_front

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


def test_one_policy_at_several_balances_is_a_line_and_many_marks_have_their_legend_below() -> None:
    curve = [
        Point(f"conditioned at {alpha}", gain(alpha), gain(1 - alpha), curve="conditioned")
        for alpha in (0.0, 0.5, 1.0)
    ]
    controls = [Point(f"control {i}", gain(0.0), gain(0.1), is_control=True) for i in range(5)]
    figure = front_figure([*controls, *curve])
    axes = figure.axes[0]
    line = next(line for line in axes.get_lines() if line.get_label() == "conditioned")
    assert [*line.get_xdata()] == [0.0, 0.5, 1.0]
    assert {text.get_text() for text in axes.texts} == {"0.0", "0.5", "1.0"}
    assert axes.get_legend() is None
    assert len(figure.legends[0].get_texts()) == 7


def test_stages_are_drawn_with_missing_figures(tmp_path: Path) -> None:
    names = ("pass@1", "time_gain", "memory_gain")
    stages = {
        "base": dict.fromkeys(names, NONE),
        "warm start": dict.fromkeys(names, gain(0.3)),
        "reinforced": dict.fromkeys(names, gain(0.5)),
    }
    plot_before_after(stages, tmp_path / "deep" / "stages.png")
    assert (tmp_path / "deep" / "stages.png").read_bytes().startswith(PNG)
