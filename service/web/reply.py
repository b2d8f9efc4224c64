"""The draft of a reply to the council as plain data for the typesetter: words and numbers, never markup.

Figures, notes and tables are made by the same words as on the page; the routine's steps are added.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from flask import render_template

from service.engine import pictures
from service.engine.pictures import Picture
from service.queries import definitions
from service.queries.definitions import OneVersion
from service.queries.measures import Kind
from service.queries.statistics import Figure, Seen, Value
from service.web import charts, council, steps
from service.web.council import Answers
from service.web.presentation import day, language, say, t
from service.work import UnitOfWork

Block = dict[str, Any]
WIDE, HIGH = (
    1600,
    875,
)  # of a part of a diagram, in its own units, so that a landscape page holds it in letters to read
CHART = (480, 150)  # points


def told(work: UnitOfWork, answers: Answers) -> dict[str, Any]:
    """All words of the document, in the reader's language."""
    found = answers.found
    counted = t("answers.counted", since=found.since, until=found.until)
    return {
        "lang": language(),
        "title": t("reply.title"),
        "made": t("reply.made", day=day(work.now)),
        "year": work.today.year,
        "month": work.today.month,
        "day": work.today.day,
        "lead": [
            t("reply.text"),
            f"{counted} {', '.join(found.units.values())}.",
            t("answers.exact" if found.exact else "answers.veiled"),
            t("reply.short_words"),
        ],
        "page": t("reply.page"),
        "of": t("reply.of"),
        "figure": t("answers.figure"),
        "sections": [
            {"title": t(f"answers.section.{name}"), "blocks": list(_blocks(name, keys, answers))}
            for name, keys in council.SECTIONS
        ],
        "routine": {
            "title": t("reply.routine"),
            "text": t("reply.routine_text"),
            "parts": [_steps(each) for each in _routine(work, answers)],
        },
    }


def _blocks(name: str, keys: Sequence[str], answers: Answers) -> Iterator[Block]:
    found = answers.found
    figures = [found.figures[key] for key in keys]
    if name == "authority":
        yield _text(council.coordinator_words(answers))
        yield from _delegations(answers)
        return
    if name == "training" and figures[0].total.seen is Seen.NOT_COUNTED:
        yield _text(t("answers.no_training"))
        return
    yield from (_figure(each) for each in figures)
    if name != "changes":  # which are listed one by one
        yield from _by_span([each for each in figures if len(each.spans) > 1])
    if len(found.units) > 1:
        yield from _by_unit([each for each in figures if each.units], found.units)
    if name == "team" and answers.routine is not None:
        yield _text(t("reply.routine_where", version=answers.routine.version))
    if name == "changes":
        yield from _changes(answers)


def _figure(figure: Figure) -> Block:
    drawn = charts.columns(figure) if figure.measure.key in charts.CHARTED else None
    return {
        "kind": "figure",
        "name": say(figure.measure.name),
        "value": council.figure_words(figure.total),
        "is_number": figure.total.number is not None,
        "definition": say(figure.measure.definition),
        "chart": _chart(figure, drawn) if drawn is not None else None,
    }


def _chart(figure: Figure, drawn: charts.Chart) -> Block:
    """The same columns as on the page, with the same words for those who do not see them."""
    by = t("answers.by_month" if council.by_month(figure) else "answers.by_year")
    caption = f"{say(figure.measure.name)}, {by}"
    width, height = CHART
    return {
        "svg": render_template("chart.svg", drawn=drawn, width=width, height=height),
        "alt": f"{caption}. {drawn.words}",
        "caption": f"{caption}. {t('chart.hidden')}" if drawn.some_hidden else caption,
    }


def _by_span(figures: Sequence[Figure]) -> Iterator[Block]:
    """A section's figures side by side, a row for each month or year."""
    if not figures:
        return
    monthly = council.by_month(figures[0])
    yield _table(
        t("reply.by_month" if monthly else "reply.by_year"),
        [t("answers.month" if monthly else "answers.year"), *(say(each.measure.name) for each in figures)],
        (
            [council.span_words(parts[0][0]), *(_short(value) for _, value in parts)]
            for parts in zip(*(each.spans for each in figures), strict=True)
        ),
    )


def _by_unit(figures: Sequence[Figure], units: Mapping[str, str]) -> Iterator[Block]:
    """A section's figures side by side, a row for each unit; where nothing was found there is none."""
    if not figures:
        return
    yield _table(
        t("reply.by_unit"),
        [t("case.unit"), *(say(each.measure.name) for each in figures)],
        (
            [name, *(_short(each.units.get(key, _none_of(each))) for each in figures)]
            for key, name in units.items()
        ),
    )


def _none_of(figure: Figure) -> Value:
    return Value(None, Seen.NOTHING) if figure.measure.kind is Kind.MEDIAN else Value(0)


def _short(value: Value) -> str:
    """A figure in a narrow column; the document says above what its words mean."""
    return council.figure_words(value) if value.seen is Seen.SHOWN else t(f"reply.short.{value.seen}")


def _delegations(answers: Answers) -> Iterator[Block]:
    if not answers.delegations:
        yield _text(t("answers.no_delegations"))
        return
    heads = ("history.who", "answers.position", "answers.what", "case.unit", "answers.valid", "answers.basis")
    yield _table(
        "",  # the section's heading says it
        [t(each) for each in heads],
        (
            [
                row.person.name,
                row.position,
                council.delegation_words(row.code),
                answers.found.units[row.unit],
                f"{row.valid_from} – {row.valid_to or ''}".strip(),
                row.basis,
            ]
            for row in answers.delegations
        ),
    )


def _changes(answers: Answers) -> Iterator[Block]:
    if answers.organisation:
        yield _table(
            t("answers.organisation"),
            [t("history.at"), t("answers.change")],
            (
                [str(each.day), council.change_words(each, answers.found.units)]
                for each in answers.organisation
            ),
        )
    else:
        yield _text(t("answers.no_changes"))
    if answers.changes:
        heads = ("answers.number", "history.at", "answers.note", "answers.author", "answers.approver")
        yield _table(
            t("answers.routine_changes"),
            [t(each) for each in heads],
            (
                [
                    str(row.number),
                    day(row.at),
                    row.note,
                    row.deployed_by.name if row.deployed_by else t("answers.service"),
                    row.approved_by.name if row.approved_by else "",
                ]
                for row in answers.changes
            ),
        )


def _routine(work: UnitOfWork, answers: Answers) -> list[OneVersion]:
    """The process that the routine begins with, and all that it leads into, in that order."""
    if answers.routine is None:
        return []
    newest = {row.key: row.version for row in definitions.newest(work)}
    waiting, found = [answers.routine.key], dict[str, OneVersion]()
    for key in waiting:
        if key in found or key not in newest:
            continue
        found[key] = definitions.one(work, key, newest[key])
        waiting += [node.called for node in steps.nodes_of(found[key].process).values() if node.called]
    return list(found.values())


def _steps(one: OneVersion) -> Block:
    version = t("definition.version", n=one.row.version)
    return {
        "title": f"{say(one.process.title)} ({version})",
        "pictures": _pictures(one),
        **_table(
            "",  # its heading says it
            [t("steps.step"), t("steps.who"), t("steps.next"), t("task.legal_basis")],
            (
                [
                    f"{step.name} ({step.kind})" if step.kind else step.name,
                    step.who,
                    step.next,
                    step.element.legal_basis or "",
                ]
                for step in steps.table(one.process)
            ),
        ),
    }


def _pictures(one: OneVersion) -> list[Block]:
    """The process as it is drawn, in parts that can be read, each with what it shows in words."""
    found = pictures.pictures(one.process, language=language(), width=WIDE, height=HIGH)
    title = say(one.process.title)
    return [
        {
            "svg": each.svg,
            "width": each.width,
            "height": each.height,
            "alt": _seen(each, title, number, len(found)),
            "caption": _caption(each, title, number, len(found)),
        }
        for number, each in enumerate(found, 1)
    ]


def _caption(picture: Picture, title: str, number: int, many: int) -> str:
    name = f"{title}: {picture.inside}" if picture.inside else title
    return t("reply.diagram_part", name=name, number=number, many=many) if many > 1 else name


def _seen(picture: Picture, title: str, number: int, many: int) -> str:
    caption = _caption(picture, title, number, many)
    return t("reply.diagram_words", caption=caption, steps=", ".join(picture.names))


def _text(words: str) -> Block:
    return {"kind": "text", "text": words}


def _table(caption: str, head: list[str], rows: Iterable[list[str]]) -> Block:
    return {"kind": "table", "caption": caption, "head": head, "rows": list(rows)}
