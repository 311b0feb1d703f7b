"""Grade one notebook, in a process of its own: ``python -m catsdogs.grade_one NOTEBOOK AUTOGRADER RESULT``.

``grading`` starts it in an empty folder, with a time limit and without network.
"""

import contextlib
import sys
from pathlib import Path

from catsdogs.files import write_json

# Enough for TensorFlow and the assignment; a notebook that asks for more gets an error of its own, and goes on.
MEMORY_BYTES = 8 * 2**30
FILE_BYTES = 2**30


def main(notebook: str, autograder: str, result: str) -> None:
    """Write what otter-grader found: for each question its points and which tests failed."""
    from otter.api import grade_submission

    limit_resources()
    results = grade_submission(notebook, autograder, quiet=True)
    if results.has_catastrophic_failure():
        sys.exit(1)
    write_json(Path(result), {name: question(found) for name, found in results.results.items()})


def limit_resources() -> None:
    """Limit memory and the size of each file, here and in all that is started from here; Windows has no such limits."""
    with contextlib.suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))


def question(found) -> dict:
    """Points, what the failed visible tests say, and how many hidden ones failed."""
    failed = [case.test_case for case in found.test_case_results if not case.passed]
    return {"points": found.score,
            "messages": [case.failure_message or case.name for case in failed if not case.hidden],
            "hidden": sum(case.hidden for case in failed)}


if __name__ == "__main__":
    main(*sys.argv[1:])
