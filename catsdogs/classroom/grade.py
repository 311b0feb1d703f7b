"""The points, answers and problems of one submission, as grading passes them on."""

from dataclasses import dataclass, field

GRADED, TIME_OUT, BROKEN = "corrigida", "tempo esgotado", "não terminou"
OTHER = "não parece ser o notebook desta tarefa: peça ao estudante que confira o arquivo"


@dataclass(frozen=True)
class Grade:
    """What came of one submission.

    Attributes:
        student: the submission's file or folder name, without extension, as ``printable`` shows it.
        status: ``GRADED``, ``OTHER``, ``TIME_OUT``, ``BROKEN``, or a Portuguese sentence on why it could not be graded.
        questions: question → ``{"points": …, "messages": […], "hidden": …}``, as ``judged`` gives.
        answers: the written answers, in the notebook's order.
    """

    student: str
    status: str
    questions: dict[str, dict] = field(default_factory=dict)
    answers: tuple[str, ...] = ()

    def points(self, question: str) -> float:
        """Points of one question; 0 where grading did not reach it."""
        return self.questions.get(question, {}).get("points", 0)

    @property
    def total(self) -> float:
        """Points of all automatic questions."""
        return sum(found["points"] for found in self.questions.values())
