"""Circles and squares: the same for the same seed, and a folder whose faults the check finds."""

import numpy as np
from PIL import Image

from catsdogs.study import shapes


def test_drawings_take_turns_and_follow_the_seed():
    pixels, labels = shapes.draw_shapes(3, size=32)
    assert pixels.shape == (6, 32, 32, 3) and pixels.dtype == np.uint8 and list(labels) == [0, 1] * 3
    assert np.array_equal(pixels, shapes.draw_shapes(3, size=32)[0])
    assert not np.array_equal(pixels, shapes.draw_shapes(3, size=32, seed=1)[0])


def test_a_worn_collection_has_the_faults_it_names(tmp_path):
    shapes.worn_collection(tmp_path, per_class=11)
    circles, squares = (sorted(path.name for path in (tmp_path / name).iterdir()) for name in shapes.CLASSES)
    assert circles == [f"{number:02}.jpg" for number in range(11)] + ["trocada.jpg"]
    assert "07.jpg" not in squares and len(squares) == 10 + 1 + 4
    assert (tmp_path / "circulos/05.jpg").read_bytes() == (tmp_path / "quadrados/repetida.jpg").read_bytes()
    original, last = (np.asarray(Image.open(tmp_path / "quadrados" / name), float) for name in
                      ("10.jpg", "rajada-4.jpg"))
    assert 0 < np.abs(original - last).mean() < 20
    whole = (tmp_path / "circulos/02.jpg").read_bytes()
    assert whole.endswith(b"\xff\xd9") and not (tmp_path / "circulos/03.jpg").read_bytes().endswith(b"\xff\xd9")
