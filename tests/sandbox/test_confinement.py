"""What a confined program cannot see, reach or change, on every level that promises it."""

from __future__ import annotations

import ast
import os
import socket
import sys
from pathlib import Path

import pytest

from grader.sandbox import Room, Sandbox, view
from tests.sandbox.conftest import told

CHECKOUT = Path(__file__).resolve().parents[2]

REACHES = """
import json, socket, sys
reached = []
for family, address in (
    (socket.AF_INET, ("127.0.0.1", int(sys.argv[1]))),
    (socket.AF_INET6, ("::1", int(sys.argv[1]))),
    (socket.AF_UNIX, chr(0) + sys.argv[2]),
):
    try:
        with socket.socket(family) as connection:
            connection.settimeout(5)
            connection.connect(address)
            reached.append(str(family))
    except OSError:
        pass
print(json.dumps(reached))
"""


def test_there_is_no_network_not_even_of_this_machine(private: Sandbox) -> None:
    name = f"abstract-{os.getpid()}"
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as other:
        other.bind(f"\0{name}")
        other.listen()
        assert told(private, REACHES, server.getsockname()[1], name) == []


EXIST = "import json, os, sys; print(json.dumps([p for p in sys.argv[1:] if os.path.lexists(p)]))"


def test_neither_course_nor_home_nor_the_judge_can_be_seen(private: Sandbox) -> None:
    private_places = [
        *(CHECKOUT / name for name in ("solutions", "course", "tests", "exercises", ".git")),
        *(view.GRADER / name for name in ("judge", "run.py", "plugin.py", "sandbox", "authoring")),
        *Path.home().glob("[a-z]*"),
        Path(f"/proc/{os.getpid()}"),
        Path(f"/proc/{os.getppid()}"),
        Path("/etc/passwd"),
        Path("/etc/shadow"),
        Path("/var"),
        Path("/run"),
    ]
    assert told(private, EXIST, *private_places) == []


LOOKS = """
import json, os
print(json.dumps({
    "root": sorted(os.listdir("/")),
    "grader": sorted(os.listdir("/grader")),
    "home": [os.environ["HOME"], os.getcwd()],
    "processes": [int(name) for name in os.listdir("/proc") if name.isdigit()],
    "self": os.getpid(),
    "devices": sorted(os.listdir("/dev")),
    "host": os.uname().nodename,
}))
"""


def test_what_it_sees_is_short(private: Sandbox) -> None:
    seen = told(private, LOOKS)
    assert seen["grader"] == sorted(view.WORKER_MODULES)
    assert seen["home"] == ["/tmp", "/tmp"]
    assert set(seen["processes"]) <= {1, 2}
    assert seen["self"] in seen["processes"]
    assert {"null", "zero", "full", "random", "urandom", "shm"} <= set(seen["devices"])
    assert not any(name.startswith(("nvidia", "dxg", "tty", "pts")) for name in seen["devices"])
    assert seen["host"] != os.uname().nodename or seen["host"] == "worker"
    assert not {"var", "home", "mnt", "run", "boot", "srv"} & set(seen["root"])


WRITES = """
import json, os
found = set()
for line in open("/proc/self/mountinfo"):
    target = line.split()[4]
    for folder in (target, os.path.dirname(target)):
        path = os.path.join(folder, "written by a submission")
        try:
            open(path, "x").close()
        except OSError:
            continue
        os.unlink(path)
        found.add(folder)
for path in ("/proc/sys/kernel/core_pattern", "/proc/sys/vm/drop_caches", "/proc/sysrq-trigger"):
    try:
        os.close(os.open(path, os.O_WRONLY))
        found.add(path)
    except OSError:
        pass
print(json.dumps(sorted(found)))
"""


def test_it_writes_to_memory_only(private: Sandbox) -> None:
    root_in_bubblewrap = private.level == "bubblewrap" and os.geteuid() == 0
    written = told(private, WRITES)
    if root_in_bubblewrap:  # which is why root gets namespaces of our own instead
        written = [path for path in written if not path.startswith("/proc/sys")]
    # A checkout below /tmp leaves an empty folder there, in the worker's own memory.
    assert [path for path in written if not path.startswith("/tmp/")] == ["/dev/shm", "/tmp"]


FILLS = """
import json, os
written = 0
try:
    with open("/tmp/large", "wb", buffering=0) as file:
        while written < 1 << 30:
            written += file.write(bytes(1 << 20))
except OSError as error:
    print(json.dumps([written, error.errno]))
"""


def test_its_memory_is_full_before_any_disk_is(
    private: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view, "MEMORY_BYTES", 4 << 20)
    written, why = told(private, FILLS)
    assert written <= 4 << 20
    assert os.strerror(why) == "No space left on device"


HOLDS = """
import ctypes, json, os, sys
CLONE_NEWUSER, PTRACE_ATTACH = 0x10000000, 16
status = dict(line.rstrip().split(":", 1) for line in open("/proc/self/status"))
libc = ctypes.CDLL(None, use_errno=True)
print(json.dumps({
    "capabilities": [int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd")],
    "privileges": int(status["NoNewPrivs"]),
    "user": os.getuid(),
    "namespace": libc.unshare(CLONE_NEWUSER),
    "mount": libc.mount(b"none", b"/tmp", b"tmpfs", 0, None),
    "init": sys.argv[1] == "namespaces" and libc.ptrace(PTRACE_ATTACH, 1, 0, 0),
    "environment": sorted(os.environ),
    "descriptors": sorted(int(name) for name in os.listdir("/proc/self/fd"))[:-1],
}))
"""


def test_it_has_no_privilege_and_gets_none(
    private: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_JUDGE", "42")
    holds = told(private, HOLDS, private.level)
    assert holds["capabilities"] == [0, 0, 0, 0]
    assert holds["privileges"] == 1
    assert holds["user"] == 65534
    assert (holds["namespace"], holds["mount"]) == (-1, -1)
    assert holds["init"] in (-1, False)  # bubblewrap's init may be traced, and has nothing
    assert not [name for name in holds["environment"] if "SECRET" in name or "GRADE" in name]
    assert holds["descriptors"] == [0, 1, 2]


def test_only_the_descriptors_meant_for_it_are_open(sandbox: Sandbox) -> None:
    code = "import json, os; print(json.dumps(sorted(map(int, os.listdir('/proc/self/fd')))))"
    reader, writer = os.pipe()
    with socket.socket() as other:
        os.set_inheritable(other.fileno(), True)
        seen = told(sandbox, code, keep=[writer])
    os.close(reader)
    os.close(writer)
    assert len(seen) == 5  # the last one is the listing's own
    assert set(seen) > {0, 1, 2, writer}


def test_a_file_that_the_judge_places_meanwhile_is_seen_and_cannot_be_changed(
    private: Sandbox,
) -> None:
    room = Room()
    path = private.path(room, room.place("course.py", b"text"))
    code = """
import json, os, sys
with open(sys.argv[1]) as file:
    text = file.read()
try:
    open(sys.argv[1], "a").close()
except OSError as error:
    text += ": " + error.strerror
print(json.dumps(text))
"""
    assert told(private, code, path, room=room) in (
        "text: Read-only file system",
        "text: Permission denied",
    )


# ----------------------------------------------------- courses in odd places


def test_a_course_inside_of_a_folder_that_is_shown_is_covered(
    private: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, course = tmp_path / "shown", tmp_path / "shown" / "course"
    (course / "hidden").mkdir(parents=True)
    (shown / "library").touch()
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    monkeypatch.setenv(view.VARIABLE, str(shown))
    monkeypatch.setenv("GRADER_COURSE", str(course))
    places = [shown / "library", course, course / "hidden"]
    assert told(private, EXIST, *places) == [str(shown / "library"), str(course)]


def test_an_installed_grader_does_not_show_the_course_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "lib/site-packages/grader"
    (package / "data/course").mkdir(parents=True)
    monkeypatch.setattr(view, "GRADER", package)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    steps = {(step.kind, step.target) for step in view.steps("interpreted", tmp_path)}
    assert ("show", str(tmp_path)) in steps
    assert ("memory", str(package)) in steps


@pytest.mark.parametrize("environment", [".", ".venv"])
def test_an_environment_in_the_checkout_does_not_show_the_checkout(
    environment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "course").mkdir()
    (tmp_path / "solutions").mkdir()
    prefix = tmp_path / environment
    (prefix / "lib").mkdir(parents=True)
    monkeypatch.setattr(view, "GRADER", tmp_path / "grader")
    monkeypatch.setattr(sys, "prefix", str(prefix))
    inside = [
        Path(step.target).relative_to(tmp_path)
        for step in view.steps("interpreted", tmp_path)
        if step.kind == "show" and Path(step.target).is_relative_to(tmp_path)
    ]
    assert inside == [Path("lib") if environment == "." else Path(".venv")]


def test_a_compiler_in_an_unusual_place_is_shown_with_what_belongs_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = tmp_path / "compilers" / "bin" / "cc"
    compiler.parent.mkdir(parents=True)
    compiler.touch(mode=0o755)
    monkeypatch.setenv("CC", str(compiler))
    shown = {step.target for step in view.steps("compiled", tmp_path) if step.kind == "show"}
    assert str(tmp_path / "compilers") in shown
    monkeypatch.setattr(view, "_home", lambda: tmp_path / "compilers" / "home")
    shown = {step.target for step in view.steps("compiled", tmp_path) if step.kind == "show"}
    assert str(tmp_path / "compilers") not in shown


def test_what_runs_beside_a_submission_is_all_that_it_sees_of_the_grader() -> None:
    from tests.test_architecture import MAY_IMPORT

    needed, found = {"worker", "testing"}, set[str]()
    while needed - found:
        found |= needed
        needed = found.union(*(MAY_IMPORT[name] for name in found))
    assert {name.removesuffix(".py") for name in view.WORKER_MODULES} == found | {"__init__"}


@pytest.mark.parametrize(
    "path", sorted(CHECKOUT.glob("course/lesson*/reference.py")), ids=lambda path: path.parent.name
)
def test_a_lessons_reference_finds_in_there_what_it_imports(path: Path) -> None:
    shown = {f"grader.{name.removesuffix('.py')}" for name in view.WORKER_MODULES}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("grader"):
            assert any(f"{node.module}.".startswith(f"{name}.") for name in shown), node.module
