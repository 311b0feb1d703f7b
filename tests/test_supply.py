"""What the book and its page are made of: pinned, with the hash of every file, from the usual registries only."""

import itertools
import json
import re
from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
# What tells an installer where to take packages from, or what to take.
INSTALLING = [ROOT / name for name in (
    "requirements.in", "requirements.txt", "pyproject.toml", "Makefile", "book/web/package.json",
    "book/web/package-lock.json", "catsdogs/engines/npm/package.json", "catsdogs/engines/npm/package-lock.json",
    ".ci/run")] + WORKFLOWS
ELSEWHERE = re.compile(r"http://|index-url|find-links|trusted-host|--registry|--index\b|\bnpmrc\b")
SYSTEMS = {
    "Linux": {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": "x86_64"},
    "macOS": {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix", "platform_machine": "arm64"},
    "Windows": {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt", "platform_machine": "AMD64"},
}
PYTHONS = ("3.11", "3.12", "3.13")


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def entries(text):
    """The lines of a file of requirements, with what follows a backslash, without comments."""
    lines = text.replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def pins():
    """(requirement, its hashes) for each package of requirements.txt."""
    for entry in entries(read("requirements.txt")):
        if not entry.startswith("--only-binary"):
            requirement, *hashes = entry.split(" --hash=")
            yield Requirement(requirement), [value.strip() for value in hashes]


def environment(system, python):
    return {**SYSTEMS[system], "python_version": python, "python_full_version": f"{python}.9",
            "implementation_name": "cpython", "platform_python_implementation": "CPython", "extra": ""}


def holds(marker: Marker | None, surroundings):
    return marker is None or marker.evaluate(surroundings)


def test_every_package_is_pinned_with_the_hashes_of_its_files():
    found = list(pins())
    assert len(found) > 100
    for requirement, hashes in found:
        assert re.fullmatch(r"==[\w.]+", str(requirement.specifier)), requirement
        assert requirement.url is None and not requirement.extras
        assert hashes and all(re.fullmatch("sha256:[0-9a-f]{64}", value) for value in hashes), requirement


def test_only_wheels_are_taken():
    """What builds another kind of package would come without a hash."""
    options = [entry for entry in entries(read("requirements.txt")) if entry.startswith("-")]
    assert options == ["--only-binary :all:"]


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("system", SYSTEMS)
def test_each_system_and_python_has_one_version_of_what_the_book_uses(system, python):
    there = [requirement for requirement, _ in pins() if holds(requirement.marker, environment(system, python))]
    versions = {canonicalize_name(requirement.name): requirement.specifier for requirement in there}
    assert len(versions) == len(there)
    for entry in entries(read("requirements.in")):
        wanted = Requirement(entry)
        version = str(versions[canonicalize_name(wanted.name)]).removeprefix("==")
        assert wanted.specifier.contains(version), entry


@pytest.mark.parametrize(("system", "python"), itertools.product(SYSTEMS, PYTHONS))
def test_what_the_packages_need_is_pinned_too(system, python):
    """Next to hashes, pip takes nothing that has none: one that only Windows needs would stop it there."""
    surroundings = environment(system, python)
    there = {canonicalize_name(requirement.name): str(requirement.specifier) for requirement, _ in pins()
             if holds(requirement.marker, surroundings)}
    for name, version in there.items():
        try:
            package = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        if f"=={package.version}" == version:
            needed = [Requirement(text) for text in package.requires or ()]
            missing = [str(each) for each in needed if holds(each.marker, surroundings)
                       and canonicalize_name(each.name) not in there]
            assert not missing, name


@pytest.mark.parametrize("folder", ["book/web", "catsdogs/engines/npm"])
def test_npm_checks_every_file_and_takes_it_from_its_registry(folder):
    lock = json.loads(read(f"{folder}/package-lock.json"))
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert packages
    for name, package in packages.items():
        assert re.fullmatch(r"sha512-[\w+/]{86}==", package["integrity"]), name
        assert "resolved" not in package and "hasInstallScript" not in package, name
    wanted = json.loads(read(f"{folder}/package.json"))
    for version in (wanted["dependencies"] | wanted.get("devDependencies", {})).values():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert lock["packages"][""]["dependencies"] == wanted["dependencies"]


def test_a_student_s_page_runs_on_what_the_book_s_page_does():
    """The package carries a lock of its own, as a student needs a tenth of what the book installs."""
    book, page = (json.loads(read(f"{folder}/package-lock.json"))["packages"]
                  for folder in ("book/web", "catsdogs/engines/npm"))
    assert page.pop("")["dependencies"].items() <= book[""]["dependencies"].items()
    assert page.items() <= book.items()
    assert set(page) == {name for name in book if name.startswith("node_modules/@litertjs/")}


@pytest.mark.parametrize("path", INSTALLING, ids=lambda path: path.name)
def test_packages_come_from_nowhere_else(path):
    assert not [line for line in path.read_text(encoding="utf-8").splitlines() if ELSEWHERE.search(line)]


def test_the_makefile_installs_nothing_without_a_hash():
    installs = re.findall(r"^\t\$\(PIP\) (.+)", read("Makefile"), re.MULTILINE)
    assert installs == ["--require-hashes --requirement requirements.txt",
                        "--no-deps --no-build-isolation --editable ."]
    assert len(re.findall(r"\bpip install\b", read("Makefile"))) == 1
    builder = Requirement(re.search(r'^requires = \["(.+)"\]', read("pyproject.toml"), re.MULTILINE)[1])
    pinned = {requirement.name: str(requirement.specifier) for requirement, _ in pins()}
    assert builder.specifier.contains(pinned[builder.name].removeprefix("=="))


@pytest.mark.parametrize("path", [ROOT / "Makefile", *WORKFLOWS], ids=lambda path: path.name)
def test_tools_run_at_one_version(path):
    for command in re.findall(r"\bpipx run (.+)", path.read_text(encoding="utf-8")):
        assert re.match(r"(--spec )?[\w-]+==\d+(\.\d+)+ ", command), command
