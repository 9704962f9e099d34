"""The level of a machine: how it is found, who is refused at a weak one, how to get a better."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader import sandbox
from grader.authoring import doctor
from grader.course_cli import course_main
from grader.errors import ExitCode, UnconfinedError
from grader.sandbox import Level, Sandbox, advice, probing, require_confinement
from grader.sandbox.levels import warning


@pytest.fixture
def unprobed() -> Iterator[None]:
    """The level is found anew, and again after this test."""
    sandbox.probe.cache_clear()
    yield
    sandbox.probe.cache_clear()


def only(*working: Level) -> property:
    """Stands in for ``failure``: these levels work."""
    return lambda self: "" if self.level in working else "not permitted"  # type: ignore[return-value]


@pytest.mark.usefixtures("unprobed")
def test_the_strongest_level_that_works_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    for level in (Level.USER_NAMESPACES, Level.NAMESPACES):
        monkeypatch.setattr(Sandbox, "failure", only(level))
        sandbox.probe.cache_clear()
        assert sandbox.probe().level is level


@pytest.mark.usefixtures("unprobed")
def test_bubblewrap_comes_first_for_an_ordinary_user_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    levels = {}
    for user in (0, 1000):
        monkeypatch.setattr(probing.os, "geteuid", lambda user=user: user)
        levels[user] = [(way.level, way.other_user) for way in probing._ways()]
    assert levels[0][:2] == [(Level.NAMESPACES, True), (Level.NAMESPACES, False)]
    assert levels[1000][:2] == [(Level.BUBBLEWRAP, False), (Level.NAMESPACES, False)]


@pytest.mark.usefixtures("unprobed")
def test_without_namespaces_a_process_group_is_left_and_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Sandbox, "failure", only())
    found = sandbox.probe()
    assert found.level is Level.PROCESS_GROUP
    assert f"{Level.USER_NAMESPACES}: not permitted" in found.failures


@pytest.mark.parametrize("level", Level)
def test_only_a_view_of_its_own_is_enough_for_other_peoples_code(
    level: Level, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "probe", lambda: Sandbox(level))
    require_confinement(allowed=True)
    if level in (Level.BUBBLEWRAP, Level.NAMESPACES):
        require_confinement()
        assert warning(level) == ""
        return
    with pytest.raises(UnconfinedError, match="--allow-unconfined") as refused:
        require_confinement()
    assert level in str(refused.value)
    assert "course doctor" in str(refused.value)
    assert "files" in warning(level)


def test_course_validate_is_refused_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(probing, "probe", lambda: Sandbox(Level.PROCESS_GROUP))
    assert course_main(["validate", "lesson99"]) == ExitCode.NOT_JUDGED
    assert "cannot confine" in capsys.readouterr().err
    assert course_main(["validate", "lesson99", "--allow-unconfined"]) == ExitCode.USAGE


def test_an_unknown_level_of_an_old_report_has_no_warning() -> None:
    assert warning("something else") == ""


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
        (
            "kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        ("user/max_user_namespaces", "0", "user.max_user_namespaces=10000"),
    ],
)
def test_a_setting_that_stands_in_the_way_is_named_with_its_remedy(
    name: str, value: str, remedy: str, tmp_path: Path
) -> None:
    setting = tmp_path / name
    setting.parent.mkdir()
    setting.write_text(f"{value}\n")
    assert f"sysctl -w {remedy}" in advice(Sandbox(Level.PROCESS_GROUP), tmp_path)
    assert advice(Sandbox(Level.NAMESPACES), tmp_path) == ""


def test_advice_names_bubblewrap_and_what_was_tried(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    found = Sandbox(Level.PROCESS_GROUP, failures=("namespaces: mount proc: not permitted",))
    told = advice(found, tmp_path)
    assert "Install bubblewrap" in told
    assert "Tried namespaces: mount proc: not permitted." in told


def test_the_doctor_tells_the_level(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "probe", lambda: Sandbox(Level.PROCESS_GROUP))
    weak = doctor._sandbox()
    monkeypatch.setattr(sandbox, "probe", lambda: Sandbox(Level.NAMESPACES))
    strong = doctor._sandbox()
    assert (weak.ok, strong.ok) == (False, True)
    assert strong.detail.startswith("namespaces: a submission sees the interpreter and itself")
