"""Activations on the disk: filled by several at once, and never read back damaged."""

import numpy as np
import pytest
from helpers import PROCESSES, ROUNDS, fill, run_on_small_disk, run_together

from catsdogs.storage.cache import ActivationCache


@pytest.mark.slow
@pytest.mark.fault("Cache", "vários processos enchem o mesmo cache", "todos terminam com as mesmas ativações")
def test_several_fill_one_cache_at_once(tmp_path, record_property):
    """Each computes everything that it finds missing; whoever comes late must not undo what is there."""
    run_together("import numpy as np; from catsdogs.storage.cache import ActivationCache; from helpers import fill; "
                 "rows = np.random.default_rng(0).normal(size=(20_000, 4)).astype(np.float32)",
                 "found = fill(ActivationCache(Path(arguments[0], str(turn)), rows.shape), rows); "
                 "assert np.array_equal(found, rows)", tmp_path)
    record_property("trials", PROCESSES * ROUNDS)


@pytest.mark.fault("Disco", "o disco não guarda o que se grava", "uma frase, em vez de números errados")
def test_a_disk_that_forgets_is_noticed(isolated, refused, monkeypatch):
    cache = ActivationCache(isolated / "one", (100, 4))
    monkeypatch.setattr(ActivationCache, "write", lambda *_: None)
    assert "não é o que leio" in refused(fill, cache, np.ones((100, 4)))


@pytest.mark.slow
@pytest.mark.fault("Disco", "o disco enche na extração", "uma frase; o que já foi extraído fica guardado")
def test_a_disk_that_fills_up_keeps_what_was_extracted(tmp_path):
    """The file is larger than the disk from the start, but has holes; the chunks that fit stay."""
    script = """if True:
        import numpy as np
        from catsdogs.storage.cache import ActivationCache
        cache = ActivationCache(Path("one"), (1000, 1000))
        try:
            for missing in cache.to_fill():
                for start, stop in missing:
                    cache.write(start, np.ones((stop - start, 1000)))
        finally:
            assert 3 <= len(missing := cache.missing()) < 16, missing
    """
    told, left = run_on_small_disk(tmp_path, 2 * 2**20, script)
    assert "o disco está cheio" in told and "CATSDOGS_CACHE" in told
    assert left == ["one", "one/activations.f32", "one/chunks.jsonl"]
