"""A case's documents: who may add and read them, all or nothing, gone with the key, and tampering told."""

import pytest
import sqlalchemy as sa

from service.commands import cases, documents
from service.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge, WrongType
from service.models.cases import Case
from service.models.documents import Document, DocumentContent, DocumentKind, content_place, label_place
from service.models.history import AccessEvent, HistoryEvent
from service.queries import casefile, history
from service.queries import documents as papers
from service.rules.permissions import Protection

CONTENT = b"%PDF-1.7\nDet hon ber\xc3\xa4ttade f\xc3\xb6r oss\n%%EOF\n"
TITLE = "Hennes intyg"
ROW, BYTES, EVENT = Document.__table__, DocumentContent.__table__, HistoryEvent.__table__


@pytest.fixture
def case(desk):
    return desk.start()


def add(desk, case, who="anna", content=CONTENT, **told):
    given = {"kind": DocumentKind.CERTIFICATE, "title": TITLE, "name": "hennes intyg.pdf", **told}
    with desk.begin(who) as work:
        return documents.add(work, case, content=content, **given)


def read(desk, document, who="anna"):
    with desk.begin(who) as work:
        return papers.opened(work, document)


def test_a_document_comes_back_byte_for_byte_and_each_reading_is_logged(desk, case):
    document = add(desk, case)
    found = read(desk, document)
    assert (found.content, found.name, found.media_type) == (CONTENT, "hennes intyg.pdf", "application/pdf")
    with desk.begin("system") as work:
        looks = work.session.scalars(
            sa.select(AccessEvent).where(AccessEvent.action == "document.read")
        ).all()
        assert [(e.actor, e.case_id, e.subject) for e in looks] == [("anna", case, str(document))]
    assert ("document.added", "anna", None) in desk.story(case)


def test_nothing_personal_of_it_is_stored_in_clear(desk, case):
    add(desk, case)
    with desk.platform.engine.connect() as connection:
        stored = [
            str(dict(row._mapping))
            for table in (ROW, BYTES, EVENT)
            for row in connection.execute(sa.select(table))
        ]
    assert len(stored) > 4
    for each in stored:
        assert TITLE not in each
        assert "intyg" not in each
        assert "Det hon" not in each
    (event,) = desk.told(case, "document.added")
    assert set(event.details) == {"document", "kind", "media_type", "size", "made_from"}


def test_a_key_that_is_gone_takes_the_documents_with_it(desk, case):
    document = add(desk, case)
    with desk.begin("system") as work:
        row, _ = work.lock(case)
        row.wrapped_key = None
        work.record(row, "case.destroyed", details={"ground": "påhittad"})
    with pytest.raises(NotFound):
        read(desk, document)
    with desk.begin() as work:
        (row,) = papers.documents(work, case).items
        assert (row.title, row.name, row.kind) == (None, None, "certificate")


def test_whoever_may_not_know_of_the_case_finds_no_document_and_auditors_only_that_there_is_one(desk, case):
    document = add(desk, case)
    for who in ("elin", "petra", "sam"):
        for attempt in (lambda who=who: read(desk, document, who), lambda who=who: add(desk, case, who)):
            with pytest.raises(NotFound):
                attempt()
        with pytest.raises(NotFound), desk.begin(who) as work:
            documents.withdraw(work, document, reason="fel")
    for attempt in (lambda: read(desk, document, "greta"), lambda: add(desk, case, "greta")):
        with pytest.raises(Forbidden):
            attempt()
    with desk.begin("greta") as work:
        (row,) = papers.documents(work, case).items
        assert (row.id, row.title, row.size) == (document, None, len(CONTENT))
    with desk.begin("bo") as work:
        cases.protect(work, case, protection=Protection.PROTECTED, reason="hot")
    with pytest.raises(NotFound):
        read(desk, document, "kim")
    assert read(desk, document).content == CONTENT


def test_nothing_is_added_to_a_case_that_does_not_go_on(desk, case):
    for act in (cases.suspend, cases.cancel):
        with desk.begin("bo") as work:
            act(work, case, reason="skäl")
        with pytest.raises(Conflict):
            add(desk, case)
    with desk.begin("system") as work:
        assert work.session.scalar(sa.select(sa.func.count()).select_from(Document)) == 0


def test_what_cannot_be_taken_is_refused_with_what_to_do(desk, case):
    limit = desk.platform.settings.document_bytes
    with pytest.raises(TooLarge, match="högst 10 MB"):
        add(desk, case, content=CONTENT + bytes(limit))
    with pytest.raises(WrongType, match="PDF, JPEG, PNG, DOCX, ODT"):
        add(desk, case, content=b"<html>")
    with pytest.raises(Invalid):
        add(desk, case, content=b"")
    with pytest.raises(Invalid) as error:
        add(desk, case, title="x" * 201)
    assert error.value.problems[0].pointer == "/title"
    assert add(desk, case, title=" ", name=r"C:\brev.exe")
    with desk.begin() as work:
        (row,) = papers.documents(work, case).items
        assert (row.title, row.name) == ("brev.exe", "brev.exe.pdf")


def test_a_case_does_not_grow_without_end(desk, case, monkeypatch):
    monkeypatch.setattr(documents, "MOST", 2)
    add(desk, case), add(desk, case)
    with pytest.raises(TooLarge):
        add(desk, case)


def test_a_withdrawn_document_stays_marked_with_its_reason_in_the_history(desk, case):
    document = add(desk, case)
    with pytest.raises(Invalid), desk.begin() as work:
        documents.withdraw(work, document, reason=" ")
    with desk.begin("kim") as work:
        assert documents.withdraw(work, document, reason="Fel person") == case
    with pytest.raises(Conflict, match="återtagen"), desk.begin() as work:
        documents.withdraw(work, document, reason="igen")
    assert read(desk, document).content == CONTENT
    with desk.begin() as work:
        (row,) = papers.documents(work, case).items
        assert (row.withdrawn_by.username, row.withdrawn_at is not None) == ("kim", True)
        told = [each for each in history.timeline(work, case) if each.type == "document.withdrawn"]
        assert [each.values for each in told] == [{"reason": "Fel person"}]
    desk.story(case)


def test_a_case_page_asks_as_much_of_the_database_for_many_documents_as_for_one_and_no_bytes(desk, case):
    def asked():
        found = []
        listener = lambda *told: found.append(told[2])  # noqa: E731
        sa.event.listen(desk.platform.engine, "before_cursor_execute", listener)
        with desk.begin() as work:
            shown = casefile.case(work, case)
        sa.event.remove(desk.platform.engine, "before_cursor_execute", listener)
        assert not [each for each in found if "document_content" in each]
        return len(shown.documents), len(found)

    add(desk, case)
    one, few = asked()
    for _ in range(6):
        add(desk, case)
    seven, more = asked()
    assert (one, seven) == (1, 7)
    assert more == few


@pytest.fixture
def two(desk, case):
    return add(desk, case), add(desk, case, content=CONTENT + b"\nannat", title="Annat", name="annat.pdf")


def tell(desk, *statements):
    with desk.platform.engine.begin() as connection:
        for each in statements:
            connection.execute(each)


def stored(desk, column, where):
    with desk.platform.engine.connect() as connection:
        return connection.scalar(sa.select(column).where(where))


def bytes_swapped(desk, case, one, other):
    del case
    first, second = (stored(desk, BYTES.c.content, BYTES.c.document_id == each) for each in (one, other))
    tell(desk, content(one, second), content(other, first))
    return one, "document-changed"


def bytes_edited_by_someone_with_the_key(desk, case, one, other):
    del other
    with desk.begin("system") as work:
        sealed = work.key(work.session.get_one(Case, case)).seal(CONTENT[:-1] + b"!", content_place(one))
    tell(desk, content(one, sealed))
    return one, "document-changed"


def title_edited_by_someone_with_the_key(desk, case, one, other):
    del one
    with desk.begin("system") as work:
        key = work.key(work.session.get_one(Case, case))
    label = key.seal_json({"title": "Snällare", "name": "annat.pdf"}, label_place(other))
    tell(desk, sa.update(ROW).where(ROW.c.id == other).values(label=label))
    return other, "document-changed"


def bytes_gone(desk, case, one, other):
    del case, one
    tell(desk, sa.delete(BYTES).where(BYTES.c.document_id == other))
    return other, "document-missing"


def document_gone(desk, case, one, other):
    del case, other
    tell(desk, sa.delete(BYTES).where(BYTES.c.document_id == one), sa.delete(ROW).where(ROW.c.id == one))
    return one, "document-missing"


def kind_changed(desk, case, one, other):
    del case, one
    tell(desk, sa.update(ROW).where(ROW.c.id == other).values(kind="nonsense"))
    return other, "document-changed"


def moved_to_another_case(desk, case, one, other):
    del case, other
    tell(desk, sa.update(ROW).where(ROW.c.id == one).values(case_id=desk.start("reminded")))
    return one, "document-missing"


def withdrawn_behind_the_back(desk, case, one, other):
    del case, one
    tell(desk, sa.update(ROW).where(ROW.c.id == other).values(withdrawn_at=sa.func.now()))
    return other, "document-mark"


TAMPERINGS = [
    bytes_swapped, bytes_edited_by_someone_with_the_key, title_edited_by_someone_with_the_key, bytes_gone,
    document_gone, kind_changed, moved_to_another_case, withdrawn_behind_the_back,
]  # fmt: skip


def content(document, sealed):
    return sa.update(BYTES).where(BYTES.c.document_id == document).values(content=sealed)


@pytest.mark.parametrize("tampering", TAMPERINGS, ids=lambda each: each.__name__)
def test_a_document_that_is_not_the_one_that_was_added_is_named(desk, case, two, tampering):
    def everything():
        return history.verify_everything(lambda: desk.begin("greta")).findings

    assert everything() == []
    document, why = tampering(desk, case, *two)
    added = {each.details["document"]: each.sequence for each in desk.told(case, "document.added")}
    with desk.begin("greta") as work:
        verdict = history.verify(work, case)
    assert (verdict.ok, verdict.first_bad, verdict.why) == (False, added[str(document)], why)
    assert verdict.document == document
    (found,) = [each for each in everything() if each.case_id == case]
    assert (found.document, found.sequence, found.why) == (document, added[str(document)], why)


def test_a_document_that_no_event_tells_of_is_found(desk, case, two):
    with desk.platform.engine.begin() as connection:
        row = dict(connection.execute(sa.select(ROW).where(ROW.c.id == two[0])).one()._mapping)
        connection.execute(sa.insert(ROW).values({**row, "id": case}))
    with desk.begin("greta") as work:
        assert history.verify(work, case).why == "document-extra"
