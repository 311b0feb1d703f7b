"""Extraction on a cluster of real worker processes: the same bytes, whoever dies or stops on the way."""

import contextlib
import json
import logging
import os
import shutil
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import CONFIG, body

from catsdogs import features
from catsdogs.cli import main
from catsdogs.data import find_photos
from catsdogs.engines import cluster
from catsdogs.engines.cluster import cluster_activations, compute_chunk
from catsdogs.features import activations, cache_key, open_cache
from catsdogs.storage import cache
from catsdogs.storage.cache import ActivationCache

pytestmark = pytest.mark.slow
CHUNKS = 12


@pytest.fixture(scope="module")
def start_cluster():
    """Start a cluster of this many workers, which lasts as long as the tests of this file."""
    distributed = pytest.importorskip("distributed")
    if features._keras_is_faster():
        pytest.skip("the single-machine road does not use LiteRT here")
    with contextlib.ExitStack() as stack:
        yield lambda workers: stack.enter_context(distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None,
            silence_logs=logging.CRITICAL, env=cluster.LOCAL_ENVIRONMENT))


@pytest.fixture(scope="module")
def two_workers(start_cluster):
    """A cluster of two worker processes."""
    return start_cluster(2)


@pytest.fixture
def run_on_workers(two_workers):
    """Call a function in every worker process; gives the results."""
    from distributed import Client

    with Client(two_workers) as client:
        yield lambda function: list(client.run(function).values())


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(cache, "CHUNK", 48 // CHUNKS)


@pytest.fixture
def writes(monkeypatch):
    """The chunks written, in order; ``writes.at[k]`` is called after the k-th."""
    class Writes(list):
        def __init__(self):
            self.at = {}

    seen, write = Writes(), ActivationCache.write

    def watched(self, start, values):
        write(self, start, values)
        seen.append(start)
        seen.at.get(len(seen), lambda: None)()

    monkeypatch.setattr(ActivationCache, "write", watched)
    return seen


def interrupt():
    raise KeyboardInterrupt


def stored_file(photos, backbone):
    return (open_cache(photos, backbone, CONFIG).folder / "activations.f32").read_bytes()


# The same bytes

def test_two_workers_give_the_single_machines_bytes(studied, backbone, two_workers, run_on_workers, writes, isolated):
    maps = cluster_activations(studied.photos, backbone, CONFIG, two_workers.scheduler_address)
    assert maps.tobytes() == studied.maps.tobytes() and not maps.flags.writeable
    assert [path.name for path in (isolated / "cache" / "activations").iterdir()] == [
        cache_key(studied.photos, backbone, CONFIG)]
    assert len(writes) == CHUNKS
    uses = run_on_workers(lambda: __import__("catsdogs.engines.cluster").engines.cluster._trunk_runner.cache_info())
    assert [use.misses for use in uses] == [1, 1]  # one interpreter in each process
    assert sum(use.hits + use.misses for use in uses) == CHUNKS
    assert not any(run_on_workers(lambda: "tensorflow" in __import__("sys").modules))


def test_each_road_finds_the_others_work(studied, backbone, two_workers, writes):
    """Half the chunks here, half on the cluster, and then there is nothing to do: not even a connection."""
    writes.at = {6: interrupt}
    with pytest.raises(KeyboardInterrupt):
        activations(studied.photos, backbone, CONFIG)
    cluster_activations(studied.photos, backbone, CONFIG, two_workers.scheduler_address)
    assert stored_file(studied.photos, backbone) == studied.maps.tobytes() and sorted(writes) == list(range(0, 48, 4))
    assert cluster_activations(studied.photos, backbone, CONFIG, "nowhere").tobytes() == studied.maps.tobytes()


def test_local_cluster_of_the_command_line(start_cluster, studied, backbone, photo_folder, weights_file, capfd):
    command = ["extract", "--data", str(photo_folder), "--weights", str(weights_file), "--image-size", "96", "--json",
               "--cluster", "local", "--workers", "1"]
    assert main(command) == 0
    captured = capfd.readouterr()
    folder = open_cache(studied.photos, backbone, CONFIG).folder
    assert json.loads(captured.out) == {"photos": 48, "cached": 0, "extracted": 48, "folder": str(folder)}
    assert stored_file(studied.photos, backbone) == studied.maps.tobytes()
    assert "Fotos: pasta photos." in captured.err and "48/48" in captured.err
    assert "distributed" not in captured.err and "Traceback" not in captured.err


# Whatever stops on the way

def test_a_client_that_stops_loses_only_what_was_in_hand(studied, backbone, two_workers, writes):
    writes.at = {5: interrupt}
    with pytest.raises(KeyboardInterrupt):
        cluster_activations(studied.photos, backbone, CONFIG, two_workers.scheduler_address)
    done = list(writes)
    missing = open_cache(studied.photos, backbone, CONFIG).missing()
    assert len(done) == 5 and {start for start, _ in missing} == set(range(0, 48, 4)) - set(done)
    maps = cluster_activations(studied.photos, backbone, CONFIG, two_workers.scheduler_address)
    assert sorted(writes[5:]) == [start for start, _ in missing]
    assert maps.tobytes() == studied.maps.tobytes()


def test_a_killed_worker_costs_nothing_but_time(studied, backbone, two_workers, run_on_workers, writes):
    victim, survivor = run_on_workers(os.getpid)
    writes.at = {3: lambda: os.kill(victim, signal.SIGKILL)}
    maps = cluster_activations(studied.photos, backbone, CONFIG, two_workers.scheduler_address)
    assert maps.tobytes() == studied.maps.tobytes() and sorted(writes) == list(range(0, 48, 4))
    two_workers.wait_for_workers(2)
    pids = run_on_workers(os.getpid)
    assert survivor in pids and victim not in pids


# What is refused

@pytest.mark.parametrize("change", ["gone", "another photo"])
def test_a_worker_that_sees_other_photos_is_told(photo_folder, backbone, two_workers, refused, tmp_path, change):
    photos = find_photos(CONFIG, shutil.copytree(photo_folder, tmp_path / "photos"))
    photos.path(9).unlink()
    if change == "another photo":
        shutil.copy(photos.path(8), photos.path(9))
    message = refused(cluster_activations, photos, backbone, CONFIG, two_workers.scheduler_address)
    assert str(photos.path(9)) in message and "mesma pasta de fotos" in message
    assert (8, 12) in open_cache(photos, backbone, CONFIG).missing()


def test_photos_are_sent_by_absolute_path(studied, backbone, refused, monkeypatch):
    """A worker's current folder is not the client's."""
    photos = replace(studied.photos, folder=Path(os.path.relpath(studied.photos.folder)))
    sent = []
    monkeypatch.setattr(cluster, "_connected", lambda *_: contextlib.nullcontext())
    monkeypatch.setattr(cluster, "_computed_there", lambda client, trunk, missing, paths, *_: sent.extend(paths) or [])
    refused(cluster_activations, photos, backbone, CONFIG, "local")  # nothing came back
    assert len(set(sent)) == 48 and all(Path(path).is_absolute() and Path(path).is_file() for path in sent)


def test_a_worker_in_trouble_is_one_sentence(studied, backbone, two_workers, refused, monkeypatch):
    monkeypatch.setattr(cluster, "export_trunk", lambda backbone: b"rubbish")
    message = refused(cluster_activations, studied.photos, backbone, CONFIG, two_workers.scheduler_address)
    assert "mesmo ambiente" in message


def test_dask_is_quiet_only_meanwhile(studied, backbone, two_workers, caplog, capfd):
    cluster_activations(studied.photos, backbone, CONFIG, two_workers.scheduler_address)
    # The scheduler, which here lives in this process, may note at any moment that the client left.
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "distributed" not in capfd.readouterr().err
    logging.getLogger("distributed").critical("later")
    assert logging.root.manager.disable == logging.NOTSET


def test_missing_library_is_told(studied, backbone, refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert "pip install" in refused(cluster_activations, studied.photos, backbone, CONFIG, "local")


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "127.0.0.1", "nowhere", "foo://x", ""])
def test_wrong_address_is_told(start_cluster, studied, backbone, refused, monkeypatch, address):
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.5)
    assert f"em {address}:" in refused(cluster_activations, studied.photos, backbone, CONFIG, address)


def test_another_server_is_no_scheduler(start_cluster, studied, backbone, refused, serve, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.5)
    address = serve(body(b"page"))[0].removeprefix("http://").removesuffix("/photos.zip")
    assert "escalonador" in refused(cluster_activations, studied.photos, backbone, CONFIG, address)


def test_a_worker_is_no_scheduler(two_workers, studied, backbone, refused):
    worker = next(iter(two_workers.scheduler.workers))
    assert "confira o endereço" in refused(cluster_activations, studied.photos, backbone, CONFIG, worker)


def test_a_cluster_without_workers_is_told(start_cluster, studied, backbone, refused, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.5)
    address = start_cluster(0).scheduler_address
    assert f"dask worker {address}" in refused(cluster_activations, studied.photos, backbone, CONFIG, address)


def test_photos_themselves_are_needed(studied, backbone, refused):
    message = refused(cluster_activations, replace(studied.photos, folder=None), backbone, CONFIG, "local")
    assert "indique uma pasta de fotos" in message


def test_a_worker_with_several_threads_runs_the_trunk_in_one_at_a_time(studied, backbone, monkeypatch):
    from concurrent.futures import ThreadPoolExecutor

    monkeypatch.setenv("CATSDOGS_CACHE", str(studied.cache))
    trunk, photos = features.export_trunk(backbone), studied.photos
    pytest.importorskip("ai_edge_litert")

    def chunk(start):
        rows = slice(start, start + 4)
        return compute_chunk(trunk, [str(photos.path(i)) for i in range(48)[rows]], photos.digests[rows], 96)

    with ThreadPoolExecutor(4) as threads:
        assert b"".join(rows.tobytes() for rows in threads.map(chunk, range(0, 48, 4))) == studied.maps.tobytes()
