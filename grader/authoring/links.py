"""The links of notebooks: found, checked for form, and, when asked, really requested.

python -m grader.authoring.links lesson03
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from grader.lesson import Course

_LINK = re.compile(r"https?://[^\s<>\"'`|]+")
_DEADLINE_S = 20
NOTHING_CHECKED = 3

# Sites refuse programs that name no browser; a refusal says nothing about the page.
_BROWSER = "Mozilla/5.0 (X11; Linux x86_64) course-link-check"
_REFUSALS = {401, 403, 405, 418, 429, 503}


def links(text: str) -> Iterator[str]:
    """The links in a text, without the punctuation that ends a sentence or Markdown's bracket."""
    for found in _LINK.findall(text):
        while found[-1] in ".,;:!?" or (found[-1] == ")" and found.count(")") > found.count("(")):
            found = found[:-1]
        yield found


def malformed(link: str) -> str:
    """Why a link cannot lead anywhere; empty if it can."""
    try:
        parts = urlsplit(link)
    except ValueError as error:
        return str(error)
    if not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+(:\d+)?", parts.netloc.lower()):
        return f"{parts.netloc!r} is no host"
    return ""


def answer(link: str) -> str:
    """What the site says: ``ok``, ``refused`` to programs, ``wrong`` or ``unreached``, and why."""
    try:
        with urlopen(Request(link, headers={"User-Agent": _BROWSER}), timeout=_DEADLINE_S) as page:
            page.read(1)
        return "ok"
    except HTTPError as error:
        return "refused" if error.code in _REFUSALS else f"wrong: HTTP {error.code}"
    except (URLError, OSError, ValueError) as error:
        return f"unreached: {error}"


def main() -> int:
    """Request links of the named lessons, or of all; 1 if one is dead, 3 without a network."""
    course = Course.find()
    found: dict[str, str] = {}
    for name in sys.argv[1:] or course.names():
        lesson = course.lesson(name)
        if lesson.notebook_source.is_file():
            found.update(dict.fromkeys(links(lesson.notebook_source.read_text()), lesson.name))
    with ThreadPoolExecutor(8) as pool:
        answers = dict(zip(found, pool.map(answer, found), strict=True))
    for link, said in answers.items():
        print(f"{said:8} {found[link]} {link}")
    if answers and all(said.startswith("unreached") for said in answers.values()):
        print(
            "No site could be reached: this machine seems to have no network; nothing was checked."
        )
        return NOTHING_CHECKED
    return int(any(said.startswith(("wrong", "unreached")) for said in answers.values()))


if __name__ == "__main__":
    sys.exit(main())
