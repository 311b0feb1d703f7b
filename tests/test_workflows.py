"""The workflows of GitHub Actions: pinned, with the least rights, and calling what exists."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
IDS = [path.stem for path in WORKFLOWS]
# The only jobs that may change anything.
RIGHTS = {("pages", "deploy"): {"pages": "write", "id-token": "write"}, ("weekly", "report"): {"issues": "write"}}


def read(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def steps(path):
    return [step for job in read(path)["jobs"].values() for step in job["steps"]]


def test_there_are_workflows():
    assert IDS == ["pages", "tests", "weekly"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=IDS)
def test_actions_are_pinned_by_commit(path):
    used = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if "uses:" in line]
    assert all(re.fullmatch(r"(- )?uses: actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line) for line in used), used
    assert len(used) == sum("uses" in step for step in steps(path))


def test_one_version_of_each_action():
    used = {step["uses"] for path in WORKFLOWS for step in steps(path) if "uses" in step}
    assert len(used) == len({name.partition("@")[0] for name in used})


@pytest.mark.parametrize("path", WORKFLOWS, ids=IDS)
def test_rights_are_the_least(path):
    workflow = read(path)
    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        assert job.get("permissions", {}) == RIGHTS.get((path.stem, name), {}), name
        assert "timeout-minutes" in job
    for step in steps(path):
        if "actions/checkout@" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("path", WORKFLOWS, ids=IDS)
def test_commands_are_shell_and_name_what_exists(path):
    targets = re.findall(r"^([\w./$()-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for command in (step["run"] for step in steps(path) if "run" in step):
        shell = re.sub(r"\$\{\{.*?\}\}", "x", command)
        assert subprocess.run(["bash", "-n", "-c", shell], capture_output=True).returncode == 0, command
        for name in re.findall(r"(?:book|tests|catsdogs)/[\w./-]+", command):
            assert (ROOT / name).exists(), name
        for target in re.findall(r"^make (\S+)", command):
            assert target in [*targets, ".venv/installed"], target


def test_the_site_is_published_only_after_its_tests():
    jobs = read(ROOT / ".github" / "workflows" / "pages.yml")["jobs"]
    assert jobs["deploy"]["needs"] == "build"
    commands = [step.get("run", step.get("uses", "")) for step in jobs["build"]["steps"]]
    tested = next(i for i, command in enumerate(commands) if "tests/test_browser.py" in command)
    kept = next(i for i, command in enumerate(commands) if "upload-pages-artifact" in command)
    assert tested < kept
