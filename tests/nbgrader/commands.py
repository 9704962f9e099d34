"""Runs commands of nbgrader one after another in one process: its start takes longer than its work.

A program of its own, started by tests: ``python commands.py FOLDER COMMAND…``. Each command is a
string as one types it after ``nbgrader``. ``cd FOLDER`` changes the folder, ``as ACCOUNT`` the Unix
user for all that follows; ``append`` and ``copy`` take two files, and copy folders too. The last
line of its output is a JSON list with the exit code of each command.
"""

from __future__ import annotations

import json
import os
import pwd
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from nbgrader.apps import NbGraderApp


def run(arguments: list[str]) -> int:
    """Run one command with a fresh application."""
    NbGraderApp.clear_instance()
    try:
        NbGraderApp.launch_instance(arguments)
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    finally:
        NbGraderApp.clear_instance()
    return 0


def run_in_this_process(command: list[str], **_: object) -> int:
    """What ``nbgrader quickstart`` starts as processes, one for each student of its example."""
    assert command[1:3] == ["-m", "nbgrader"]
    return run(command[3:])


def become(account: str) -> None:
    """Go on as another user: all is imported already, and that user may not enter our folders."""
    user = pwd.getpwnam(account)
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)


def append(source: str, target: str) -> None:
    """Add a file to the end of another."""
    with open(target, "a") as file:
        file.write(Path(source).read_text())


def copy(source: str, target: str) -> None:
    """Copy a file or a folder."""
    if os.path.isdir(source):
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)


BESIDES = {"cd": os.chdir, "as": become, "append": append, "copy": copy}


def main() -> None:
    subprocess.call = run_in_this_process  # type: ignore[assignment]
    folder, *commands = sys.argv[1:]
    os.chdir(folder)
    codes = []
    for command in commands:
        name, *arguments = shlex.split(command)
        if name in BESIDES:
            BESIDES[name](*arguments)
            continue
        print(f"$ nbgrader {command}", flush=True)
        codes.append(run([name, *arguments]))
    print(f"\n{json.dumps(codes)}", flush=True)


if __name__ == "__main__":
    main()
