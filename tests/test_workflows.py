"""The workflows of GitHub Actions: pinned, with the least rights, and calling what exists."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
IDS = [path.stem for path in WORKFLOWS]
# The only jobs that may change anything.
RIGHTS = {("pages", "deploy"): {"pages": "write", "id-token": "write"}, ("weekly", "report"): {"issues": "write"}}
USE = re.compile(r"(?:- )?uses: actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


def read(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def workflow(name):
    return read(ROOT / ".github" / "workflows" / f"{name}.yml")


def steps(path):
    return [step for job in read(path)["jobs"].values() for step in job["steps"]]


def lines_with_uses(path):
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if "uses:" in line]


def test_there_are_workflows():
    assert IDS == ["pages", "tests", "weekly"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=IDS)
def test_actions_are_github_s_own_and_pinned_by_commit(path):
    lines = lines_with_uses(path)
    assert [line for line in lines if not USE.fullmatch(line)] == []
    assert len(lines) == sum("uses" in step for step in steps(path))


def test_each_action_has_one_version():
    lines = {line.removeprefix("- ") for path in WORKFLOWS for line in lines_with_uses(path)}
    assert len(lines) == len({line.partition("@")[0] for line in lines})


@pytest.mark.parametrize("path", WORKFLOWS, ids=IDS)
def test_rights_are_the_least(path):
    settings = read(path)
    assert settings["permissions"] == {"contents": "read"}
    for name, job in settings["jobs"].items():
        assert job.get("permissions", {}) == RIGHTS.get((path.stem, name), {}), name
    for step in steps(path):
        if "actions/checkout@" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("path", WORKFLOWS, ids=IDS)
def test_every_job_has_a_name_and_a_limit(path):
    for name, job in read(path)["jobs"].items():
        assert {"name", "timeout-minutes"} <= job.keys(), name


@pytest.mark.skipif(shutil.which("bash") is None, reason="Bash is not installed")
@pytest.mark.parametrize("path", WORKFLOWS, ids=IDS)
def test_commands_are_valid_and_name_what_exists(path):
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for command in (step["run"] for step in steps(path) if "run" in step):
        assert "${{" not in command  # such a value would become part of the command: it goes through `env`
        checked = subprocess.run(["bash", "-n", "-c", command], capture_output=True, text=True)
        assert (checked.returncode, checked.stderr) == (0, "")  # Bash succeeds in spite of some errors
        for name in re.findall(r"(?<![\w./-])(?:book|tests|catsdogs)/[\w./-]*|\brequirements\.txt", command):
            assert (ROOT / name).exists(), name
        for target in re.findall(r"^make (\S+)", command):
            assert target in [*targets, ".venv/installed"], target


def test_the_oldest_versions_accepted_are_tested():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    python, tensorflow, keras = (re.search(rf'{name}>=(.+)"', project)[1]
                                 for name in ('requires-python = "', '"tensorflow', '"keras'))
    entries = workflow("tests")["jobs"]["package"]["strategy"]["matrix"]["include"]
    assert entries[0] == {"python": python, "packages": f"tensorflow=={tensorflow}.* keras=={keras}.*"}
    assert entries[-1]["packages"] == "tensorflow"


def test_the_site_is_published_only_after_its_tests():
    jobs = workflow("pages")["jobs"]
    assert jobs["deploy"]["needs"] == "build"
    commands = [step.get("run", step.get("uses", "")) for step in jobs["build"]["steps"]]
    tested, kept = (next(i for i, command in enumerate(commands) if text in command)
                    for text in ('pytest -m "built and not long"', "actions/upload-pages-artifact"))
    assert tested < kept


def test_every_week_whatever_fails_is_reported():
    settings = workflow("weekly")
    assert settings[True]["schedule"]  # YAML reads the key `on` as true
    jobs = settings["jobs"]
    assert jobs["report"]["if"] == "failure()"
    assert set(jobs["report"]["needs"]) == set(jobs) - {"report"}
    assert "colab-images/public" in jobs["colab"]["container"]
    assert jobs["colab"]["env"] == {"CATSDOGS_COLAB": "runtime"}
    assert {"run": ".venv/bin/python -m pytest tests/test_imagenet.py",
            "env": {"CATSDOGS_ONLINE": "1"}} in jobs["weights"]["steps"]
    body = jobs["report"]["steps"][0]["env"]["BODY"]
    assert set(re.findall(r"needs\.(\w+)\.result", body)) == set(jobs["report"]["needs"])
