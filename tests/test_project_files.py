"""The files of the project agree with each other: one version, one range of Python versions, commands that exist."""

import re
import runpy
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import setuptools
import yaml

import accept_reject as ar

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def load(path: str | Path) -> Any:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


@pytest.fixture
def distribution(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What setup.py says now, which may be newer than what is installed."""
    found: dict[str, Any] = {}
    monkeypatch.setattr(setuptools, "setup", found.update)
    runpy.run_path(str(ROOT / "setup.py"))
    return found


def steps(workflow: dict[Any, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job.get("steps", [])]


def test_there_is_one_version(distribution: dict[str, Any]) -> None:
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert ar.__version__ == distribution["version"] == load("CITATION.cff")["version"] == headings[0]
    numbers = [tuple(map(int, heading.split("."))) for heading in headings]
    assert numbers == sorted(set(numbers), reverse=True)


def test_the_citation_names_the_software_and_the_study() -> None:
    citation = load("CITATION.cff")
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["cff-version"] == "1.2.0"
    assert citation["type"] == "software"
    (study,) = citation["references"]
    assert (study["doi"], study["year"], study["start"]) == ("10.1073/pnas.2400022121", 2024, "e2400022121")
    families = [author["family-names"] for author in study["authors"]]
    bibliography = (ROOT / "experiments" / "reporting" / "references.bib").read_text(encoding="utf-8")
    entry = bibliography[bibliography.index(study["doi"]) - 600 : bibliography.index(study["doi"])]
    assert study["title"] in entry
    assert all(family in entry for family in families)


def test_the_tests_run_on_every_python_version_that_is_supported(distribution: dict[str, Any]) -> None:
    jobs = load(".github/workflows/tests.yml")["jobs"]
    versions = jobs["tests"]["strategy"]["matrix"]["python"]
    prefix = "Programming Language :: Python :: 3."
    classifiers = [text for text in distribution["classifiers"] if text.startswith(prefix)]
    assert versions == [text.rpartition(" ")[2] for text in classifiers]
    assert distribution["python_requires"] == f">={versions[0]}"
    minors = [int(version.removeprefix("3.")) for version in versions]
    assert minors == list(range(minors[0], minors[-1] + 1))
    core = jobs["core"]["strategy"]["matrix"]
    assert core["python"] == [versions[0], versions[-1]]
    assert {name.partition("-")[0] for name in core["os"]} == {"windows", "macos"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_call_what_exists(path: Path) -> None:
    workflow = load(path)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE))
    for step in steps(workflow):
        assert ("uses" in step) != ("run" in step)
        assert re.search(r"@(v\d+|release/v\d+)$", step.get("uses", "@v1")), f"{step['uses']} is not pinned"
        assert set(re.findall(r"^\s*make ([\w-]+)", step.get("run", ""), re.MULTILINE)) <= targets
    for job in workflow["jobs"].values():
        if "uses" in job:
            assert (ROOT / job["uses"]).is_file()
        assert set([job.get("needs", [])] if isinstance(job.get("needs"), str) else job.get("needs", [])) <= set(
            workflow["jobs"]
        )


def test_the_workflows_check_test_and_publish() -> None:
    commands = {path.stem: "\n".join(step.get("run", "") for step in steps(load(path))) for path in WORKFLOWS}
    assert commands.keys() == {"docs", "release", "tests"}
    assert {"make check", "make test"} <= set(map(str.strip, commands["tests"].splitlines()))
    assert "make docs" in commands["docs"]
    release = load(".github/workflows/release.yml")["jobs"]
    assert set(release["publish"]["needs"]) == {"tests", "build"}
    assert release["publish"]["permissions"] == {"id-token": "write"}
    assert "secrets." not in (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")


def test_the_code_of_the_core_job_is_python() -> None:
    (code,) = (
        re.findall(r"<<'END'\n(.*?)END$", step["run"], re.DOTALL | re.MULTILINE)[0]
        for step in steps(load(".github/workflows/tests.yml"))
        if "<<'END'" in step.get("run", "")
    )
    compile(code, "core", "exec")


def test_hooks_need_only_the_environment_of_the_project() -> None:
    config = load(".pre-commit-config.yaml")
    assert [repository["repo"] for repository in config["repos"]] == ["local"]
    hooks = {hook["id"]: hook for hook in config["repos"][0]["hooks"]}
    assert hooks.keys() == {"ruff-check", "ruff-format", "yaml", "end-of-file", "mypy"}
    for hook in hooks.values():
        assert hook["language"] in ("system", "pygrep")
        for program in re.findall(r"\.venv/bin/([\w-]+)", hook["entry"]):
            assert shutil.which(program, path=str(Path(sys.executable).parent)), program
    assert re.search(hooks["end-of-file"]["entry"], "no newline")
    assert not re.search(hooks["end-of-file"]["entry"], "a newline\n")
    code = shlex.split(hooks["yaml"]["entry"])[-1]
    compile(code, "yaml", "exec")


def test_the_editor_config_agrees_with_the_formatter() -> None:
    text = (ROOT / ".editorconfig").read_text(encoding="utf-8")
    limit = re.search(r"^max_line_length = (\d+)$", text, re.MULTILINE)
    assert limit
    assert f"line-length = {limit[1]}\n" in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
