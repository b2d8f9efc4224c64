"""What a document is made from: a case as it stands, with its forms as they were answered, read in one go."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from service.engine import forms
from service.engine.forms import Form
from service.errors import NotFound
from service.models.cases import Case, ProcessInstance
from service.models.people import Unit
from service.queries import casefile
from service.queries.casefile import CaseFile, ClosedTask
from service.queries.people import Person
from service.rules.permissions import Permission, require
from service.work import UnitOfWork


@dataclass(frozen=True)
class Sheet:
    """A form as the case answered it last, or as far as the case knows the answers from elsewhere."""

    form: Form
    answers: Mapping[str, Any]
    shown: frozenset[str]  # the places that these answers show
    by: Person | None  # None: nobody has submitted it
    at: datetime | None


@dataclass(frozen=True)
class Gathered:
    """A case, gathered for a document."""

    file: CaseFile
    at: datetime
    unit: str
    sheets: Mapping[str, Sheet]  # by the form's key
    period: Mapping[str, Any] | None  # the reflection period, by the table `periods` of today


def gather(work: UnitOfWork, case_id: UUID, *, sheets: tuple[str, ...]) -> Gathered:
    """Gather a case for a document that its reader may add; logged as looked at.

    Forms that the case's deployment does not have are left out. Raises `NotFound` and `Forbidden`.
    """
    case = work.session.get(Case, case_id)
    if case is None:
        raise NotFound
    require(work.actor, Permission.DOCUMENT_ADD, work.facts(case))
    file = casefile.case(work, case_id)
    deployment_id = work.session.scalars(
        sa.select(ProcessInstance.deployment_id).where(ProcessInstance.case_id == case_id)
    ).one()
    unit = work.session.get_one(Unit, case.unit_key)
    known = [key for key in sheets if key in file.definition.forms]
    return Gathered(
        file=file,
        at=work.now,
        unit=unit.name,
        sheets={key: _sheet(work, file, deployment_id, file.definition.forms[key]) for key in known},
        period=work.period_of(deployment_id, "reflection_period", work.now),
    )


def _sheet(work: UnitOfWork, file: CaseFile, deployment_id: UUID, form: Form) -> Sheet:
    last = _last(file, form.key)
    given = dict(last.answers or {}) if last is not None else {}
    elsewhere = {
        key: file.data[key] for key, each in form.fields.items() if not each.anew and key in file.data
    }
    answers = {**elsewhere, **given}
    shown = forms.visible(form, answers, data=file.data, moment=work.moment_under(deployment_id))
    by = last.closing.by if last is not None else None
    return Sheet(form, answers, shown, by, last.closing.at if last is not None else None)


def _last(file: CaseFile, key: str) -> ClosedTask | None:
    """The task in which a form was submitted last."""
    asked = [
        each
        for each in file.closed
        if each.answers is not None
        and file.definition.processes[each.row.process].elements[each.row.element].form == key
    ]
    return asked[-1] if asked else None
