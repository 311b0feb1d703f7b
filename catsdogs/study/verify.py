"""Whether a record still says what its checkpoints do."""

from dataclasses import dataclass

from catsdogs.config import RECORD_FILE, checkpoint_path
from catsdogs.errors import CatsdogsError
from catsdogs.files import read_json
from catsdogs.pipeline import Materials, evaluate_checkpoints

# Other threads, instructions, engines and versions, measured once (scripts and rows in the history, at commit fb3debd),
# left accuracy and AUC as they were and moved the loss by less than 1e-6; a GPU that rounds to TF32, by less than
# 1e-4. The activations that ship, rounded to 8 bits, move the loss by less than 3e-4 and one photo in 300 over the
# threshold. The rest is room for machines that were not measured.
TOLERANCES = {"accuracy": 0.005, "auc": 1e-3, "loss": 1e-3}


@dataclass(frozen=True)
class Comparison:
    """One metric of one phase on one part, as recorded and as recomputed."""

    phase: str
    part: str
    metric: str
    recorded: float
    found: float

    @property
    def holds(self) -> bool:
        """Whether the two differ by no more than the metric's tolerance."""
        return abs(self.found - self.recorded) <= TOLERANCES[self.metric]


def verify(materials: Materials) -> list[Comparison]:
    """Recompute the metrics of ``RECORD_FILE`` from the checkpoints beside it.

    Args:
        materials: the photos the checkpoints were trained on, or their activations.

    Raises:
        CatsdogsError: the record or a checkpoint is missing or damaged, or belongs to other photos.
    """
    path = checkpoint_path(RECORD_FILE)
    try:
        record = read_json(path)
        recorded = {(phase, part, metric): float(record[phase][part][metric]) for phase in ("phase1", "phase2")
                    for part in ("validation", "test") for metric in TOLERANCES}
    except FileNotFoundError as error:
        raise CatsdogsError(f"Não encontrei {path}: rode `catsdogs train` antes de verificar.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise CatsdogsError(f"{path} está danificado: rode `catsdogs train --again` para refazê-lo.") from error
    found = evaluate_checkpoints(materials)
    return [Comparison(*place, value, found[place[0]][place[1]][place[2]]) for place, value in recorded.items()]
