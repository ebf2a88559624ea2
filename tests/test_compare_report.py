"""The report of a comparison: its answer, tables, figures and methods have the right numbers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from comparing import TRUE, alike, compared, config, write
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from prose import text_of
from scipy import stats

from accept_reject.experiments.analysis.curves import AXES, CURVES
from accept_reject.experiments.analysis.intervals import Interval, mean_interval
from accept_reject.experiments.compare import figures, tables
from accept_reject.experiments.compare.config import CompareConfig, ParticipantsEntry
from accept_reject.experiments.compare.experiment import Compare
from accept_reject.experiments.compare.frames import frames
from accept_reject.experiments.compare.run import CompareResults, Comparison
from accept_reject.experiments.data.load import Data
from accept_reject.experiments.reporting import style
from accept_reject.experiments.reporting.methods import write_methods
from accept_reject.experiments.reporting.tables import DASH

CONFIG = config("alike.yaml", agents=[TRUE, "random"])


@pytest.fixture(scope="module")
def participants(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return alike(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def comparison(participants: Path) -> Comparison:
    return compared(config(participants, agents=[TRUE, "random"]))


def with_nll(comparison: Comparison, nll: Mapping[str, np.ndarray | None]) -> Comparison:
    """The comparison with players of these names and NLLs."""
    player = comparison.players[0]
    return replace(comparison, players=tuple(player._replace(name=name, nll=each) for name, each in nll.items()))


def table_frames(*comparisons: Comparison) -> dict:
    return frames(CompareResults(CONFIG, comparisons))


@pytest.fixture(scope="module")
def behind(comparison: Comparison) -> Comparison:
    """A comparison with known differences; some NLLs are undefined."""
    rng = np.random.default_rng(0)
    hard = rng.normal(0.6, 0.1, 9)  # participants that are hard to predict are so for all players
    nll = {
        "near": hard + rng.normal(0.01, 0.005, 9),
        "best": hard.copy(),
        "blind": None,
        "far": hard + rng.normal(0.2, 0.1, 9),
    }
    for name, rows in (("near", [0, 1]), ("best", [0, 2])):
        nll[name][rows] = np.nan
    return with_nll(comparison, nll)


def test_curves_in_the_tables_are_those_of_the_csv(comparison: Comparison) -> None:
    """Shares in the CSV, percent in tables."""
    table = table_frames(comparison)["curves"]
    points = sum(len(comparison.points[by].middle) for by in AXES)
    assert len(table) == points * len(CURVES) * (len(comparison.players) + 1)
    assert table["mean"].between(0, 1).all()
    for by, name in product(AXES, CURVES):
        shown = tables.curve(comparison, name, by)
        assert shown.header == (by, *comparison.points[by].names)
        names = ["participants (simulated)", *(player.name for player in comparison.players)]
        assert [row[0] for row in shown.rows] == names
        for player, row in zip((comparison.participants, *comparison.players), shown.rows, strict=True):
            curve = player.curves[by][name]
            rows = table[(table.player == player.name) & (table.curve == name) & (table.by == by)]
            assert rows.x.tolist() == comparison.points[by].middle.tolist()
            assert rows.episodes.tolist() == (~np.isnan(curve.values)).sum(axis=0).tolist()
            for found, ends in zip(row[1:], rows[["mean", "low", "high"]].to_numpy(), strict=True):
                mean, low, high = (round(100 * end) + 0 for end in ends)
                assert found == f"{mean} [{low}, {high}]"
            assert rows["mean"].tolist() == pytest.approx(np.nanmean(curve.values, axis=0))


def test_differences_from_the_best_player(comparison: Comparison, behind: Comparison) -> None:
    """By paired t intervals, without participants whose NLL is undefined for either player of a pair."""
    nll = {player.name: player.nll for player in behind.players}
    columns = [f"nll_behind_best{end}" for end in ("", "_low", "_high")]
    table = table_frames(behind)["players"].set_index("player")[columns]
    for name, both in (("near", slice(3, 9)), ("far", [1, *range(3, 9)])):
        pair = (nll[name][both], nll["best"][both])
        expected = (np.mean(pair[0] - pair[1]), *stats.ttest_rel(*pair).confidence_interval())
        assert table.loc[name].tolist() == pytest.approx(expected)
        assert behind.behind_the_best[name] == pytest.approx(expected)
    assert table.loc[["participants", "best", "blind"]].isna().all(axis=None)
    shown = {row[0]: row[2] for row in tables.players(behind).rows}
    assert tables.players(behind).header[2] == "behind the best"
    assert list(shown) == ["participants (simulated)", "best", "near", "far", "blind"]
    assert [player.name for player in behind.ranked] == ["best", "near", "far"]
    assert [shown[name] for name in ("participants (simulated)", "best", "blind")] == [DASH] * 3
    mean, low, high = table.loc["near"]
    assert shown["near"] == f"{mean:.4f} [{low:.4f}, {high:.4f}]"
    assert with_nll(comparison, {"blind": None}).behind_the_best == {}


def answer(*comparisons: Comparison) -> str:
    return " ".join(Compare(CONFIG).answer(CompareResults(CONFIG, comparisons)))


def formatted(interval: Interval, digits: int) -> str:
    mean, low, high = (f"{end:.{digits}f}" for end in interval)
    return f"{mean} [{low}, {high}]"


def test_the_answer_names_the_best_player_and_how_far_others_are_behind(comparison: Comparison) -> None:
    apart = np.linspace(-0.01, 0.01, 9)
    base = np.linspace(0.4, 0.6, 9)
    three = {"third": base + 0.2 + apart, "first": base, "second": base + 0.1 + apart}
    text = answer(with_nll(comparison, three))
    assert text.startswith("first predicts the simulated participants of alike best")
    assert formatted(mean_interval(base), 3) in text
    assert re.search(r"All other players are reliably worse; the closest is second\b", text)
    assert formatted(mean_interval(three["second"] - base), 4) in text
    assert "third" not in text

    close = {**three, "second": base + 0.001 + np.where(np.arange(9) % 2, -0.1, 0.1)}
    text = answer(with_nll(comparison, close))
    assert "second is not reliably worse; the other player is." in text
    assert "first and" not in text
    assert "third" not in text
    text = answer(with_nll(comparison, {**close, "fourth": base + 0.3 + apart}))
    assert "second is not reliably worse; the other 2 players are." in text
    text = answer(with_nll(comparison, {"first": base, "second": close["second"]}))
    assert "No other player is reliably worse." in text
    alone = answer(with_nll(comparison, {"first": base}))
    assert "first predicts" in alone
    assert "behind" not in alone
    none = answer(with_nll(comparison, {"blind": None}))
    assert "No player can predict" in none
    real = replace(comparison, entry=ParticipantsEntry(data="real"), data=comparison.data._replace(simulated=False))
    both = answer(with_nll(comparison, three), real)
    assert "first predicts the simulated participants of alike best" in both
    assert f"{real.ranked[0].name} predicts the participants of real best" in both
    assert real.ranked[0].name == "true"


def dots(ax: Axes) -> list[tuple[float, float]]:
    """The places of all single dots of a panel, in the order in which they were drawn."""
    lines = [line for line in ax.lines if line.get_marker() == "o" and len(line.get_xdata()) == 1]
    return [(line.get_xdata()[0], line.get_ydata()[0]) for line in lines]


def test_figure_of_predictions(behind: Comparison) -> None:
    """The best player is at the top; its dot is at its mean NLL and its line from end to end of the interval."""
    (ax,) = figures.prediction(behind).axes
    names = ["best", "near", "far"]
    assert [label.get_text() for label in ax.get_yticklabels()] == names
    means = [np.nanmean(player.nll) for player in behind.ranked]
    assert means == sorted(means)
    assert [x for x, _ in dots(ax)] == pytest.approx(means)
    assert [y for _, y in dots(ax)] == ax.get_yticks().tolist()
    heights = ax.transData.transform(dots(ax))[:, 1]
    assert (np.diff(heights) < 0).all()  # the best on top
    for lines, player in zip(ax.collections, behind.ranked, strict=True):
        assert lines.get_segments()[0][:, 0] == pytest.approx(mean_interval(player.nll)[1:])
    assert any(line.get_xdata() == pytest.approx([np.log(2)] * 2) for line in ax.lines if len(line.get_xdata()) == 2)


def test_figure_of_predictions_and_scores(comparison: Comparison) -> None:
    """Better predictors are further right; players without an NLL are left out."""
    blind = comparison.players[0]._replace(name="blind", nll=None)
    drawn = figures.prediction_and_score(replace(comparison, players=(*comparison.players, blind)))
    (ax,) = drawn.axes
    assert ax.xaxis_inverted()
    expected = [(player.nll.mean(), player.scores["valuing"].mean) for player in comparison.players]
    assert np.array(dots(ax)) == pytest.approx(np.array(expected))
    true, random = ax.transData.transform(dots(ax))
    assert comparison.players[0].nll.mean() < comparison.players[1].nll.mean()
    assert true[0] > random[0]
    (legend,) = drawn.legends
    assert [text.get_text().split() for text in legend.get_texts()] == [["1", "true"], ["2", "random"]]
    assert [text.get_text() for text in ax.texts][:2] == ["1", "2"]


def test_figures_of_curves_and_effects(comparison: Comparison) -> None:
    for curve, by in product(CURVES, AXES):
        axes = [ax for ax in figures.learning_curves(comparison, curve, by).axes if ax.get_visible()]
        assert [ax.get_title(loc="left") for ax in axes] == [player.name for player in comparison.players]
        for ax, player in zip(axes, comparison.players, strict=True):
            lines = {to_hex(line.get_color()).upper(): line for line in ax.lines if len(line.get_xdata()) > 2}
            found = player.curves[by][curve].mean
            assert lines[style.COLORS[0]].get_xdata() == pytest.approx(comparison.points[by].middle)
            assert lines[style.COLORS[0]].get_ydata() == pytest.approx(found.mean)
            mean = comparison.participants.curves[by][curve].mean.mean
            assert lines["#000000"].get_ydata() == pytest.approx(mean)
    panels = figures.stay_switch(comparison).axes
    for ax, effect in zip(panels, ("rank", "outcome"), strict=True):
        assert effect in ax.get_xlabel()
        estimates = [player.effects.set_index("effect").estimate[effect] for player in comparison.players]
        assert [x for x, _ in dots(ax)] == pytest.approx(estimates)


def test_every_curve_has_a_section_with_figure_and_table(comparison: Comparison, tmp_path: Path) -> None:
    report = write(CONFIG, [comparison], tmp_path / "run")
    sections = {re.sub("<[^>]+>", "", part.split("</h3>")[0]): part for part in report.split("<h3>")[1:]}
    for curve, by in product(CURVES, AXES):
        heading = {"valuing": "partner that values the player most", "accepted": "cceptance"}[curve]
        (section,) = (part for name, part in sections.items() if heading in name and name.endswith(f"by {by}"))
        assert section.count("<svg") == 1
        board = tables.curve(comparison, curve, by)
        cells = re.findall("<td>(.*?)</td>", section)
        assert cells == [text.replace(" [", "<small>[").replace("]", "]</small>") for row in board.rows for text in row]
        assert ("numbered by its less familiar partner" in " ".join(section.split())) == (by == "encounter")
        name = f"curves_{curve}_by_{by}_1"
        assert (tmp_path / "run" / f"{name}.svg").exists()
    assert report.count("<svg") == 4 + 3  # and prediction, prediction_and_score, stay_switch


def test_simulated_participants_are_declared(comparison: Comparison, tmp_path: Path) -> None:
    real = replace(comparison, entry=ParticipantsEntry(data="real"), data=comparison.data._replace(simulated=False))
    texts = []
    for name, comparisons in (("all", [comparison]), ("some", [comparison, real]), ("none", [real])):
        report = write(CONFIG, comparisons, tmp_path / name)
        drawings = [path.read_text(encoding="utf-8") for path in (tmp_path / name).glob("*.svg")]
        marked = ["<!-- simulated participants -->" in drawing for drawing in drawings]
        assert len(marked) == 7 * len(comparisons)
        assert set(marked) == {name == "all"}
        texts.append(" ".join(re.sub("<svg.*?</svg>", "", report, flags=re.DOTALL).split()))
    alone, some, none = texts
    for text, declared in (
        (alone, "All participants are simulated."),
        (some, "The participants of alike are simulated."),
    ):
        assert text.count(declared) == 2  # at the top and at the bottom
        assert f"{declared} Seed 0." in text
        for part in (
            "<strong>These participants are simulated.</strong>",
            "of the simulated participants of alike",
            "Black: simulated participants.",
            "Gray: score of the simulated participants",
            "95% interval of the simulated participants.",
            "<td>participants (simulated)</td>",
        ):
            assert part in text, part
    for text in (some, none):
        for part in (
            "Black: participants.",
            "Gray: score of the participants",
            "of the participants of real",
        ):
            assert part in text, part
        assert "<td>participants</td>" in text.partition("<h2>Data")[0]
    assert some.count("<strong>These participants are simulated.</strong>") == 1
    assert "Black: participants." not in alone
    assert "<td>participants</td>" not in alone.partition("<h2>Data")[0]
    for each, name in ((comparison, "simulated participants of alike"), (real, "participants of real")):
        assert tables.players(each).title.endswith(f" {name}")
        assert ("simulated" in tables.players(each).title) == ("simulated" in name)
    assert "imulated" not in none.partition("<h2>Methods</h2>")[0]


def methods(config: CompareConfig, *comparisons: Comparison) -> tuple[str, tuple[str, ...]]:
    """The methods of a comparison as one text, and the works that they cite."""
    written = write_methods("compare", results=CompareResults(config, comparisons))
    return text_of(written), written.references


def expect(text: str, parts: Sequence[str], absent: Sequence[str] = ()) -> None:
    """Check a text by regular expressions."""
    assert [part for part in parts if not re.search(part, text)] == [], text
    assert [part for part in absent if re.search(part, text)] == [], text


def cites(references: Sequence[str], *titles: str) -> bool:
    """Whether these works are cited, and no others."""
    return len(references) == len(titles) and all(any(title in each for each in references) for title in titles)


BABUR, TREFETHEN = "Neural responses to social rejection", "exponentially convergent trapezoidal rule"
CHUNG, COLLINS, HESTERBERG = (
    "nondegenerate penalized likelihood",
    "How much of reinforcement learning",
    "defensive mixture distributions",
)
BOOTSTRAP, KORN = "What teachers should know about the bootstrap", "small expected number of positive counts"


def test_methods_of_a_comparison_with_the_participants_own_episodes(
    participants: Path, comparison: Comparison, tmp_path: Path
) -> None:
    full = config(participants, agents=[TRUE, "random"], models=["bayes-hybrid"], folds=3, seed=0)
    text, references = methods(full, comparison)
    parts = [
        r"participants were simulated; no person\b",
        r"agent bayes-hybrid\b.*inverse temperature = 4\b",
        r"\(alike\)\D*540 choices\D*9 simulated participants\D*60 rounds",
        r"accept-or-reject game of 60 rounds",
        r"one of 2 partners on offer, out of 8",
        r"from 1 \(best\) to 8",
        r"independently of rank, with a probability of 0\.8 or 0\.2",
        r"participants' own episodes, with the same offers and common random numbers",
        r"at random into 3 cross-validation folds \(seed 0\)",
        r"2 agents \(true and random\) were not fitted, except for a lapse rate between 0\.01 and 1\b",
        r"Differences from the best\b.*\blowest mean NLL, are paired",
        r"fitted to the participants: bayes-hybrid\.",
        r"group means and standard deviations were estimated, with the values above as starting values",
        r"maximizing the marginal likelihood",
        r"gamma prior of shape 2 with its mode at the initial value, which keeps it away from zero",
        r"initial group mean and from 2 random draws from the initial group distribution, the same for all",
        r"more than 0\.1 standard deviations or a standard deviation by more than 10%",
        r"at most 20 iterations",
        r"averaging over 1,000 draws",
        r"drew parameters from the group distribution fitted to all participants",
        r"Student's t for means and scores\b.*bias-corrected bootstrap with 500 resamples",
        r"resampled as matched pairs",
    ]
    absent = ["missed", "not known", "other episode", "can't be predicted", "random walk", "newcomer", "From round"]
    absent += ["No choices", "agents? .*was not fitted", "evidence"]
    expect(text, parts, absent)
    assert cites(references, BABUR, BOOTSTRAP, CHUNG, COLLINS, HESTERBERG, KORN, TREFETHEN)
    report = write(full, [comparison], tmp_path / "run")
    section = report[report.index("<h2>Methods</h2>") : report.index("<h2>Config</h2>")]
    assert all(section.count(each.partition("&")[0][:20]) for each in references)
    assert "540 choices" in section


def poor(comparison: Comparison) -> Comparison:
    """The comparison as with real participants whose episodes are not known, one of which missed rounds."""
    choices = comparison.data.choices
    missed = np.zeros(choices.choice.shape, bool)
    missed[0, :6] = True
    game = choices.game.model_copy(update={"drift": 0.5})
    choices = replace(
        choices, game=game, choice=np.where(missed, -1, choices.choice).astype(np.int8), valuation=None, acceptance=None
    )
    true, random = comparison.players
    data = Data(choices, simulated=False, game_known=True)
    return replace(comparison, data=data, own_episodes=False, players=(true, random._replace(nll=None)))


def test_methods_of_a_comparison_with_other_episodes(participants: Path, comparison: Comparison) -> None:
    text, references = methods(config(participants, agents=["random"], folds=5, seed=3), poor(comparison))
    parts = [
        r"\(alike\)\D*534 choices\D*9 participants\D*60 rounds",
        r"random walk between 1 and 8 with a standard deviation of 0\.5 per round",
        r"6 rounds \(1\.1%\) were missed and excluded",
        r"valued the participants is not known",
        r"200 other episodes of the same game \(seed 10003\)",
        r"at random into 5 cross-validation folds \(seed 3\)",
        r"agent \(random\) was not fitted",
        r"can't be predicted by random\.",
    ]
    absent = ["simulated", "common random", "fitted to the participants", "Huys", "draws from", "To play", "matched"]
    expect(text, parts, absent)
    assert cites(references, BABUR, BOOTSTRAP, COLLINS, KORN)


def test_methods_of_a_comparison_without_playing(participants: Path, comparison: Comparison) -> None:
    poorer = poor(comparison)
    choice = np.where(np.arange(9)[:, None] < 2, -1, poorer.data.choices.choice).astype(np.int8)
    data = Data(replace(poorer.data.choices, choice=choice), simulated=False, game_known=False)
    unplayed = replace(poorer, data=data, own_episodes=None, players=poorer.players[:1])
    text, references = methods(config(participants, agents=[], models=["bayes-hybrid"]), unplayed)
    parts = [
        r"one of 2 options \(partners\) on offer, out of 8",
        r"120 rounds \(22\.2%\) were missed and excluded",
        r"2 participants, so their NLL is not defined",
        r"other players did not play; only the probabilities\b.*choices were evaluated",
        r"fitted to the participants: bayes-hybrid\.",
        r"95% intervals over participants, by Student's t\.",
    ]
    absent = ["cceptance was drawn", "random walk", "not fitted", "behind", "paired", "To play", "Scores are", "Wald"]
    expect(text, parts, [*absent, "Collins"])
    assert not any("Collins" in each for each in references)


def test_methods_of_several_data_sets_and_models(participants: Path, comparison: Comparison) -> None:
    both = config(participants, agents=[], models=["bayes-hybrid", "delta-rank"])
    text, _ = methods(both, comparison, replace(comparison, own_episodes=None))
    assert len(re.findall(r"\(alike\)\D*540 choices", text)) == 2
    parts = [r"models were fitted to the participants: bayes-hybrid and delta-rank\.", r"To play\b.*drew parameters"]
    expect(text, parts)
