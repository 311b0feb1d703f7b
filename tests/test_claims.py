"""What the pages say of recorded experiments, in sentences that a person wrote, is what the rows say.

Each test stands for the conclusions of one page. "Cabe no acaso" is an interval of 95% that holds zero.
"""

from pathlib import Path
from statistics import mean, median

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import log_loss

from catsdogs.backbone import new_base
from catsdogs.config import BUNDLE_FILE, RECORD_FILE, BetterConfig, Config, load_config
from catsdogs.evaluation import accuracy_interval, change_over_splits
from catsdogs.files import read_json
from catsdogs.study.attributes import ATTRIBUTES
from catsdogs.study.audit import out_of_fold_probabilities
from catsdogs.study.augmentation import KINDS
from catsdogs.study.calibration import reliability
from catsdogs.study.challenge import load_challenge
from catsdogs.study.experiments import INGREDIENTS
from catsdogs.study.recipe import view_sizes
from catsdogs.study.recorded import change, rows_of
from catsdogs.study.results import factor_value, load_results
from catsdogs.study.scratch import PASSES, SCRATCH_SIZES, SIZE
from catsdogs.study.transfer_runs import PROBED_LAYERS

ROOT = Path(__file__).resolve().parent.parent


def values(name: str, measure: str, **setting) -> list[float]:
    """A measure of every recorded run with these factors or fields of ``Config``."""
    return [row[measure] for row in rows_of(name)
            if all(factor_value(row, key) == value for key, value in setting.items())]


def fits_in_chance(name: str, measure: str, before: dict, after: dict) -> bool:
    changed = change(name, measure, before, after)
    return bool(changed.low <= 0 <= changed.high)


def test_forgetting():
    def at(rate, batch_norm="frozen"):
        return {"fine_tune_learning_rate": rate, "batch_norm": batch_norm}

    assert fits_in_chance("forgetting", "test_accuracy", at(1e-5), at(3e-4))
    for measure, before, after in (("sharpness_probe", 0.81, 0.62), ("brightness_probe", 0.66, 0.55),
                                   ("cka", 0.99, 0.72)):
        assert change("forgetting", measure, at(1e-5), at(3e-4)).high < 0
        assert [mean(values("forgetting", measure, **at(rate))) for rate in (1e-5, 3e-4)] == pytest.approx(
            [before, after], abs=0.005)
    assert change("forgetting", "test_loss", at(1e-5), at(1e-3)).low > 0
    assert mean(values("forgetting", "sharpness_probe", **at(1e-3))) < 0.52
    assert all(values("forgetting", "constant", **at(1e-2)))
    assert not any(values("forgetting", "constant", **at(1e-3)))
    # With BatchNorm in training.
    for measure in ("test_accuracy", "test_loss", "cka"):
        assert fits_in_chance("forgetting", measure, at(1e-5), at(1e-5, "trained"))
    assert change("forgetting", "cka", at(1e-4), at(1e-4, "trained")).low > 0
    losses = values("forgetting", "test_loss", **at(1e-3, "trained"))
    assert max(losses) > 1 > min(losses)


def test_freezing_and_fine_tuning():
    none = {"unfrozen_layers": 0}
    for layers in (11, 20, 29):
        assert fits_in_chance("unfreezing", "test_loss", none,
                              {"unfrozen_layers": layers, "fine_tune_learning_rate": 1e-5})
    risky = {"unfrozen_layers": 20, "fine_tune_learning_rate": 1e-4}
    rise = change("unfreezing", "test_loss", none, risky)
    assert 0 < rise.low < 0.001
    settings = {(row["config"]["unfrozen_layers"], row["config"]["fine_tune_learning_rate"])
                for row in load_results("unfreezing")} - {(0, 1e-5)}
    assert len(settings) == 9
    validation = {setting: mean(values("unfreezing", "validation_loss", unfrozen_layers=setting[0],
                                       fine_tune_learning_rate=setting[1])) for setting in settings}
    assert min(validation, key=validation.get) == (20, 1e-4)


def test_digits_gain_from_fine_tuning():
    assert change("digits", "test_accuracy", {"phase": 1}, {"phase": 2}).low > 0
    assert change("digits", "test_loss", {"phase": 1}, {"phase": 2}).high < 0
    accuracy, loss = ([mean(values("digits", measure, phase=phase)) for phase in (1, 2)]
                      for measure in ("test_accuracy", "test_loss"))
    assert accuracy == pytest.approx([0.92, 0.97], abs=0.005) and loss[1] < loss[0] / 3


def test_learning_rates():
    rates = (1e-5, 1e-4, 3e-4, 1e-3, 1e-2, 1e-1)
    loss = {rate: mean(values("head_rates", "validation_loss", head_learning_rate=rate)) for rate in rates}
    assert min(loss, key=loss.get) == 1e-4
    chosen = {"head_learning_rate": 1e-4}
    for rate in rates[2:]:
        assert fits_in_chance("head_rates", "validation_loss", chosen, {"head_learning_rate": rate})
    assert change("head_rates", "validation_loss", chosen, {"head_learning_rate": 1e-5}).low > 0


def test_options_that_pages_tell():
    """Of *Fase 1*, *O que é aprender*, the start page and *Treine aqui*."""
    config = Config()
    assert (config.head_epochs, config.batch_size, config.head_learning_rate, config.patience) == (10, 32, 1e-4, 3)
    assert (config.fine_tune_epochs, config.fine_tune_learning_rate) == (10, 1e-5)
    rows = load_results("head_rates")
    assert len({row["config"]["head_learning_rate"] for row in rows}) == 6
    assert {row["config"]["head_epochs"] for row in rows} == {10}
    page = (ROOT / "book" / "alem" / "treine.md").read_text(encoding="utf-8")
    assert page.count('value="0,001"') == 2 and config.head_learning_rate == pytest.approx(0.001 / 10)


def test_range_test_of_phase_two():
    rows = [row for row in load_results("rate_range") if row["part"] == "tail"]
    steps = min(len(row["losses"]) for row in rows)

    def between(low, high):
        return mean(loss for row in rows for rate, loss in zip(row["rates"][:steps], row["losses"], strict=False)
                    if low <= rate <= high)

    calm, rising, lost = between(1e-6, 3e-5), between(1e-4, 1e-3), between(1e-3, 1)
    assert calm < 0.03 and rising > 3 * calm and lost > 0.693


def test_results_beside_the_challenge():
    ours, theirs = read_json(ROOT / "models" / RECORD_FILE), load_challenge()
    phases = ("phase1", "phase2")
    assert [round(ours[phase]["validation"]["accuracy"], 4) for phase in phases] == [0.9833, 0.9833]
    assert [theirs[phase]["validation"]["accuracy"] for phase in phases] == [0.9833, 0.9933]
    assert [ours[phase]["test"]["errors"] for phase in phases] == [5, 2]
    assert [theirs[phase]["test"]["errors"] for phase in phases] == [6, 5]


def test_ten_splits():
    first, second = (values("repeated_runs", "test_accuracy", recipe="desafio", phase=phase) for phase in (1, 2))
    assert len(first) == len(second) == 10
    assert (round(min(first), 3), round(max(first), 3)) == (0.977, 0.997)
    gains = [after - before for before, after in zip(first, second, strict=True)]
    assert (sum(gain > 0 for gain in gains), sum(gain < 0 for gain in gains)) == (5, 1)
    losses = [values("repeated_runs", "test_loss", recipe="desafio", phase=phase) for phase in (1, 2)]
    usual, corrected = change_over_splits(*losses, test_to_train=0), change_over_splits(*losses)
    assert usual.high < 0 < corrected.high
    assert (corrected.high - corrected.low) / (usual.high - usual.low) == pytest.approx(1.5)


def test_dropout():
    for photos in (100, 2400):
        none = {"dropout": 0.0, "train_photos": photos}
        for rate in (0.3, 0.6):
            for measure in ("test_accuracy", "test_loss"):
                assert fits_in_chance("dropout", measure, none, {"dropout": rate, "train_photos": photos})
    few = [mean(values("dropout", "test_loss", dropout=rate, train_photos=100)) for rate in (0.0, 0.3, 0.6)]
    assert few == sorted(few, reverse=True)
    assert change("dropout", "train_loss", {"dropout": 0.0, "train_photos": 2400},
                  {"dropout": 0.6, "train_photos": 2400}).low > 0


def test_batch_norm():
    for measure in ("test_accuracy", "test_loss", "cka"):
        assert values("batch_norm", measure, batch_norm="inference") == values(
            "batch_norm", measure, batch_norm="trained")
    for measure, better in (("test_accuracy", -1), ("test_loss", 1)):
        changed = change("batch_norm", measure, {"batch_norm": "frozen"}, {"batch_norm": "trained"})
        assert changed.low <= 0 <= changed.high and changed.mean * better > 0


def test_transfer():
    def start(weights, photos):
        return {"start": weights, "train_photos": photos}

    for photos in (20, 50, 100, 300, 1000, 2400):
        gain = change("transfer", "test_accuracy", start("random", photos), start("pretrained", photos))
        assert gain.low > 0 and gain.mean > 0.4
    few, all_photos = (mean(values("transfer", "test_accuracy", **start("pretrained", n))) for n in (20, 2400))
    assert (round(few, 2), round(all_photos, 2)) == (0.95, 0.98)
    assert max(values("transfer", "test_accuracy", **start("random", 2400))) == pytest.approx(0.6)


def test_from_scratch():
    for row in load_results("scratch"):
        assert row["train_accuracy"] > 0.9, "this run did not learn, and has no place in the curve"
    few = {"start": "pretrained", "train_photos": 20}
    for network in ("small", "mobilenet"):
        many = {"start": network, "train_photos": 2400}
        assert change("transfer", "test_accuracy", many, few).low > 0
        assert mean(values("transfer", "test_errors", **many)) > 3 * mean(values("transfer", "test_errors", **few))
        assert mean(values("transfer", "test_accuracy", **many)) == pytest.approx(0.82, abs=0.02)
        curve = [mean(values("transfer", "test_accuracy", start=network, train_photos=count))
                 for count in SCRATCH_SIZES[network]]
        assert curve == sorted(curve)
    guess = values("transfer", "test_accuracy", start="small", train_photos=20)
    assert mean(guess) < 0.57
    assert PASSES == {"small": 120_000, "mobilenet": 240_000} and SIZE == 64


def test_what_each_layer_holds():
    def accuracy(weights):
        return [mean(values("layers", "test_accuracy", start=weights, layer=name)) for name in PROBED_LAYERS]

    trained, random = accuracy("pretrained"), accuracy("random")
    assert trained == sorted(trained) and round(trained[-1], 2) == 0.99
    assert all(abs(found - 0.6) < 0.04 for found in (trained[0], *random))
    first, *rest = [change("layers", "test_accuracy", {"start": "random", "layer": name},
                           {"start": "pretrained", "layer": name}) for name in PROBED_LAYERS]
    assert first.low <= 0 <= first.high and all(gain.low > 0 for gain in rest)


def test_pooling():
    for photos in (300, 2400):
        gap, flatten = ({"pooling": pooling, "train_photos": photos} for pooling in ("gap", "flatten"))
        assert change("pooling", "test_loss", gap, flatten).low > 0
        assert mean(values("pooling", "test_loss", **flatten)) > 3 * mean(values("pooling", "test_loss", **gap))
    few, every = (change("pooling", "test_accuracy", {"pooling": "flatten", "train_photos": photos},
                         {"pooling": "gap", "train_photos": photos}) for photos in (300, 2400))
    assert 0 < few.low < few.mean < 0.01 and every.low <= 0 <= every.high


def test_phases_and_recipes():
    first, second = ({"recipe": "desafio", "phase": phase} for phase in (1, 2))
    better = {"recipe": "melhor", "phase": 2}
    for before, after in ((first, second), (second, better)):
        for measure, way in (("test_accuracy", 1), ("test_auc", 1), ("test_loss", -1)):
            assert fits_in_chance("repeated_runs", measure, before, after)
            assert change("repeated_runs", measure, before, after).mean * way > 0
    errors = [sum(values("repeated_runs", "test_errors", **setting)) for setting in (second, better)]
    assert errors == [33, 19]
    losses = [values("repeated_runs", "test_loss", **setting) for setting in (second, better)]
    assert [round(mean(found), 3) for found in losses] == [0.032, 0.02]
    assert sum(after < before for before, after in zip(*losses, strict=True)) == 8
    loss = change("repeated_runs", "test_loss", second, better)
    assert (round(loss.mean, 3), round(loss.low, 3), round(loss.high, 3)) == (-0.012, -0.024, 0)
    assert round(loss.p_value, 4) == 0.0502


def test_verdicts():
    """Those that no test above holds."""
    none, twenty = ({"unfrozen_layers": layers, "fine_tune_learning_rate": 1e-5} for layers in (0, 20))
    assert fits_in_chance("unfreezing", "test_loss", none, twenty)
    low, high = ({"fine_tune_learning_rate": rate, "batch_norm": "frozen"} for rate in (1e-5, 3e-4))
    strict = 0.05 / 16
    sure = change("transfer", "test_accuracy", {"start": "random", "train_photos": 2400},
                  {"start": "pretrained", "train_photos": 2400})
    assert sure.p_value < strict
    hints = (change("pooling", "test_loss", {"pooling": "flatten", "train_photos": 2400},
                    {"pooling": "gap", "train_photos": 2400}),
             change("digits", "test_accuracy", {"phase": 1}, {"phase": 2}),
             change("forgetting", "sharpness_probe", low, high))
    assert all(strict < hint.p_value < 0.05 for hint in hints)
    by_phase = {1: [], 2: []}
    for row in rows_of("repeated_runs"):
        (cats, a), (b, dogs) = row["test_confusion"]
        if row["recipe"] == "desafio":
            by_phase[row["phase"]].append(abs(cats / (cats + a) - dogs / (b + dogs)))
    balance = change_over_splits(by_phase[1], by_phase[2])
    assert balance.mean < 0 and balance.low <= 0 <= balance.high


def test_speed():
    rows = {row["name"]: row for row in read_json(ROOT / "benchmarks" / "results.json")}
    whole = rows["whole_job_cold"]
    assert (round(whole["plain"] / 60), round(whole["ours"] / 60, 1)) == (18, 2.5)
    assert whole["device"].startswith("2 núcleos")
    assert whole["accuracy_plain"] == whole["accuracy_ours"] == pytest.approx(0.9933, abs=5e-5)
    assert [round(rows[name]["ratio"]) for name in ("whole_job_cold", "phase1_epoch", "phase2_epoch",
                                                    "predict_one")] == [7, 42, 5, 28]
    assert round(rows["extraction"]["ratio"], 1) == 1.5


def test_single_ingredients_fit_in_chance():
    whole = {"ingredient": "receita"}
    without = {name: {"ingredient": name} for name in INGREDIENTS if name != "receita"}
    for measure in ("validation_loss", "validation_accuracy"):
        assert all(fits_in_chance("ingredients", measure, whole, other) for other in without.values())
    losses = {name: mean(values("ingredients", "validation_loss", ingredient=name)) for name in INGREDIENTS}
    assert losses["receita"] == pytest.approx(0.023, abs=0.0005)
    for name in without:
        weighty = name in ("só 224 px", "20 camadas")
        assert losses[name] == pytest.approx(0.028 if weighty else losses["receita"], abs=0.0005 if weighty else 0.001)


def test_varied_photos_fit_in_chance_and_new_ones_do_not():
    def at(kind, count):
        return {"augmentation": kind, "train_photos": count}

    for measure in ("test_loss", "test_accuracy"):
        for kind in KINDS[1:]:
            assert all(fits_in_chance("augmentation", measure, at("none", count), at(kind, count))
                       for count in (50, 300, 2400))
    assert change("augmentation", "test_loss", at("none", 50), at("none", 300)).high < 0
    few, more = (mean(values("augmentation", "test_loss", **at("none", count))) for count in (50, 300))
    assert (few, more) == (pytest.approx(0.109, abs=0.0005), pytest.approx(0.058, abs=0.0005))
    assert all(0.5 < more / mean(values("augmentation", "test_loss", **at(kind, 50))) < 0.6 for kind in KINDS[1:])


def answers_of(part: str) -> tuple[np.ndarray, np.ndarray]:
    """The shipped phase 2's probabilities (n, 2), and the true classes (n,), of a part of the photos."""
    dogs = read_json(ROOT / "models" / RECORD_FILE)["phase2"]["probabilities"][part]
    return np.array([[1 - dog, dog] for dog in dogs.values()]), np.array(["dog." in name for name in dogs], int)


def test_certainty_on_the_test_photos():
    answers, truth = answers_of("test")
    certain, right = answers.max(axis=1), answers.argmax(axis=1) == truth
    assert np.mean(certain > 0.9) > 0.9
    challenge = binomtest(int(right.sum()), len(right)).proportion_ci(method="wilson")
    assert (challenge.low, challenge.high) == pytest.approx((0.976, 0.998), abs=0.0005)
    *_, (surest, hits, count) = reliability(answers, truth)
    assert count > 0.9 * len(truth) and abs(surest - hits) < 0.01


def test_the_temperature_is_above_one_and_changes_little():
    def loss(part, temperature):
        answers, truth = answers_of(part)
        scaled = np.clip(answers, 1e-6, 1) ** (1 / temperature)
        return log_loss(truth, scaled / scaled.sum(axis=1, keepdims=True))

    temperatures = np.linspace(0.2, 5, 97)
    best = min(temperatures, key=lambda temperature: loss("validation", temperature))
    assert 1 < best < 2 and abs(loss("test", best) - loss("test", 1)) < 0.003


def test_errors_on_validation():
    answers = read_json(ROOT / "models" / RECORD_FILE)["phase2"]["probabilities"]["validation"]
    certainties = {name: max(dog, 1 - dog) for name, dog in answers.items()}
    wrong = sorted((name for name, dog in answers.items() if (dog >= 0.5) != ("dog." in name)),
                   key=certainties.get, reverse=True)
    assert [Path(name).stem for name in wrong[:3]] == ["dog.2362", "dog.669", "cat.6"]
    assert 0.9 < certainties[wrong[0]] < 0.99 < median(certainties.values())


def test_what_pages_tell_of_network_and_recipe():
    base = new_base(96)
    assert len(base.layers) - 20 == 134
    better = BetterConfig()
    assert base.layers[-better.unfrozen_layers].name.startswith("block_13")
    assert view_sizes(better) == [224, 288] and better.mirror and better.average_weights
    assert (better.unfrozen_layers, better.fine_tune_learning_rate, better.fine_tune_epochs) == (38, 1e-4, 5)
    assert (better.feature_dropout, better.dropout, better.head_units) == (0.5, 0.3, 256)


def test_light_and_sharpness_are_a_small_shortcut():
    with np.load(ROOT / "models" / BUNDLE_FILE) as bundle:
        attributes, labels = bundle["attributes"], bundle["labels"]
    sharpness = ATTRIBUTES.index("sharpness")
    assert np.median(attributes[labels == 1, sharpness]) > np.median(attributes[labels == 0, sharpness])
    right = {columns: int((out_of_fold_probabilities(attributes[:, columns], labels, seed=load_config().seed)
                           .argmax(axis=1) == labels).sum()) for columns in ((0,), (1,), (2,), (3,), (0, 1, 2, 3))}
    assert max(right, key=right.get) == (0, 1, 2, 3) and max(list(right)[:4], key=right.get) == (sharpness,)
    low, high = accuracy_interval(len(labels) - right[0, 1, 2, 3], len(labels))
    assert 0.5 < low < right[0, 1, 2, 3] / len(labels) == pytest.approx(0.57, abs=0.01) and high < 0.6
