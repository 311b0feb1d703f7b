"""The trunk's activations computed by several processes or machines, with Dask distributed.

One task per chunk of the cache. Workers read the photos and run the trunk; this process
alone writes the cache, chunk by chunk, so that whatever stops costs only the chunks in hand.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import socket
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from catsdogs.config import Config
from catsdogs.engines.litert import make_runner
from catsdogs.errors import CatsdogsError
from catsdogs.features import BATCH, export_trunk, extract, open_cache
from catsdogs.silence import silenced_native_output

if TYPE_CHECKING:
    from catsdogs.backbone import Backbone
    from catsdogs.data import Photos

LOCAL = "local"
CONNECT_SECONDS = 5
# A local worker's share is one core, whatever libraries it runs; a GPU would be fought over.
LOCAL_ENVIRONMENT = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "CUDA_VISIBLE_DEVICES": "-1",
                     "DASK_LOGGING__DISTRIBUTED": "critical"}


def cluster_activations(photos: Photos, backbone: Backbone, config: Config, cluster: str,
                        workers: int | None = None) -> np.ndarray:
    """``features.activations`` with the missing chunks computed on a cluster.

    Args:
        cluster: address of a Dask scheduler, such as ``tcp://10.0.0.1:8786``, or ``LOCAL`` for
            processes on this machine that last as long as this call.
        workers: how many processes, one per core when None; for ``LOCAL`` only.

    Returns:
        float32 array of shape (n, t, t, channels), a read-only memory map.

    Raises:
        CatsdogsError: there are no photo files, Dask is not installed, the scheduler does not answer
            or has no workers, a worker does not see the same photos, or cannot do its part.
    """
    paths = [str(photos.path(i).absolute()) for i in range(len(photos))]
    cache = open_cache(photos, backbone, config)

    for missing in cache.to_fill():
        with _quiet(), _connected(cluster, workers) as client:  # first, so that a wrong address is told at once
            trunk = export_trunk(backbone)
            for start, rows in _computed_there(client, trunk, missing, paths, photos.digests, config.image_size):
                cache.write(start, rows)
    return cache.read()


def _computed_there(client, content: bytes, chunks: list[tuple[int, int]], paths: list[str],
                    digests: Sequence[str], size: int) -> Iterator[tuple[int, np.ndarray]]:
    """(start, rows) of each chunk, in the order they get ready."""
    from distributed import as_completed

    # A task's result rather than scattered data, because the scheduler can make it again if its worker dies.
    trunk = client.submit(bytes, content, pure=False)
    starts = {client.submit(compute_chunk, trunk, paths[start:stop], digests[start:stop], size, pure=False): start
              for start, stop in chunks}
    for future in as_completed(list(starts)):
        yield starts.pop(future), _result(future)


def _result(future) -> np.ndarray:
    try:
        return future.result()
    except CatsdogsError:
        raise
    except Exception as error:
        raise CatsdogsError("O cluster não conseguiu extrair um lote de fotos: confira se o escalonador continua no ar "
                            "e se todas as máquinas têm o mesmo ambiente Python e memória livre, e rode de novo; o que "
                            "já foi extraído está guardado.") from error


def compute_chunk(trunk: bytes, paths: Sequence[str], digests: Sequence[str], size: int) -> np.ndarray:
    """What a worker does: the trunk's output for a few photos.

    Args:
        trunk: the LiteRT model.
        digests: SHA-256 of each file, in hexadecimal.

    Returns:
        float32 array of shape (n, t, t, channels).

    Raises:
        CatsdogsError: a file is not there, or is not the one this cache is for.
    """
    run_trunk = _trunk_runner(trunk)
    try:
        return extract(paths, digests, size, run_trunk)
    except CatsdogsError as error:
        raise CatsdogsError(f"O worker em {socket.gethostname()} não leu as mesmas fotos ({str(error).rstrip('.')}): "
                            "todas as máquinas do cluster precisam ver a mesma pasta de fotos, no mesmo caminho."
                            ) from error


@functools.lru_cache(maxsize=1)
def _trunk_runner(trunk: bytes) -> Callable:
    """The worker process's only interpreter, kept from task to task."""
    run, one_at_a_time = make_runner(trunk, BATCH, threads=1), threading.Lock()

    def run_alone(batch: np.ndarray) -> np.ndarray:
        with one_at_a_time:  # the worker may have several threads, and an interpreter serves one
            return run(batch)

    return run_alone


@contextlib.contextmanager
def _connected(cluster: str, workers: int | None) -> Iterator:
    """A Dask client of the scheduler at an address, or of processes started here."""
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise CatsdogsError("Falta o Dask distributed, que só a extração em cluster usa: "
                            'instale-o com `pip install distributed`.') from error
    if cluster == LOCAL:
        with silenced_native_output():  # worker processes keep it so: on Ctrl+C each would print a traceback
            local = LocalCluster(n_workers=workers or os.cpu_count(), threads_per_worker=1, processes=True,
                                 memory_limit=0, dashboard_address=None, silence_logs=logging.CRITICAL,
                                 env=LOCAL_ENVIRONMENT)
        with local, Client(local) as client:
            yield client
        return
    if not _is_scheduler(cluster):
        raise CatsdogsError(f"Não há um escalonador do Dask em {cluster}: confira o endereço, como em "
                            "tcp://10.0.0.1:8786, e se `dask scheduler` está rodando lá.")
    with Client(cluster, timeout=CONNECT_SECONDS) as client:
        try:
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except asyncio.TimeoutError as error:
            raise CatsdogsError(f"O escalonador em {cluster} não tem nenhum worker: inicie pelo menos um, com "
                                f"`dask worker {cluster} --nthreads 1`.") from error
        yield client


def _is_scheduler(address: str) -> bool:
    """Asked before a Dask client is made, because one that cannot connect complains when Python ends."""
    from distributed import rpc

    async def identity() -> dict:
        async with rpc(address, timeout=CONNECT_SECONDS) as server:
            return await asyncio.wait_for(server.identity(), CONNECT_SECONDS)

    with ThreadPoolExecutor(1) as thread:  # this one may be a notebook's, where a loop is already running
        try:
            return thread.submit(asyncio.run, identity()).result()["type"] == "Scheduler"
        except Exception:  # whatever else listens there may answer anything
            return False


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Dask's own log lines and warnings in English from the user."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
