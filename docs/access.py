"""Writes docs/access.md, the map of who may do what, from the permission table; `make access` runs it."""

from pathlib import Path

from service.rules.permissions import PERMISSIONS, Predicate

PAGE = Path(__file__).with_name("access.md")
HEAD = """# Who may do what

Written from `service/rules/permissions.py` by `make access`; a test sees that the two agree. A permission is
given when everything in at least one of its lines holds. A case that one may not know of answers as if it did
not exist.

| permission | is given to |
|---|---|
"""


def page() -> str:
    """Give the map as text."""
    rows = [
        f"| `{permission.value}` | {'<br>'.join(_line(each) for each in lines)} |\n"
        for permission, lines in PERMISSIONS.items()
    ]
    return HEAD + "".join(rows)


def _line(predicates: list[Predicate]) -> str:
    return "; ".join((each.__doc__ or each.__name__).splitlines()[0].rstrip(".") for each in predicates)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
