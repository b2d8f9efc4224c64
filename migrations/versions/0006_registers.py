"""Who held which role when, and who has been trained."""

from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

LATER = {"initially": "DEFERRED", "deferrable": True}


def upgrade() -> None:
    appointment = op.create_table(
        "appointment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("unit_key", sa.String(length=64), nullable=False),
        sa.Column("held_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("held_to", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name="fk_appointment_user_id", **LATER),
        sa.ForeignKeyConstraint(["unit_key"], ["unit.key"], name="fk_appointment_unit_key", **LATER),
        sa.PrimaryKeyConstraint("id", name="pk_appointment"),
    )
    op.create_index("ix_appointment_user_id", "appointment", ["user_id"])
    op.create_index("ix_appointment_unit_key", "appointment", ["unit_key"])
    op.create_table(
        "training",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("unit_key", sa.String(length=64), nullable=False),
        sa.Column("course", sa.String(length=200), nullable=False),
        sa.Column("given_on", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name="fk_training_user_id", **LATER),
        sa.ForeignKeyConstraint(["unit_key"], ["unit.key"], name="fk_training_unit_key", **LATER),
        sa.ForeignKeyConstraint(
            ["recorded_by"], ["user_account.id"], name="fk_training_recorded_by", **LATER
        ),
        sa.PrimaryKeyConstraint("id", name="pk_training"),
    )
    op.create_index("ix_training_user_id", "training", ["user_id"])
    op.create_index("ix_training_unit_key", "training", ["unit_key"])
    _tell_since_when(appointment)


def _tell_since_when(appointment: sa.Table) -> None:
    """Give the roles that are held today a beginning: when the access log says that they were given."""
    uuid, text, instant = sa.Uuid(), sa.String(), sa.DateTime(timezone=True)
    grant = sa.table(
        "role_grant", sa.column("user_id", uuid), sa.column("role", text), sa.column("unit_key", text)
    )
    user = sa.table(
        "user_account", sa.column("id", uuid), sa.column("username", text), sa.column("disabled_at", instant)
    )
    event = sa.table(
        "access_event", sa.column("at", instant), sa.column("action", text), sa.column("subject", text)
    )
    whole = user.c.username + " " + grant.c.role + " " + grant.c.unit_key
    granted = sa.and_(event.c.action == "role.granted", event.c.subject == whole)
    added = sa.and_(event.c.action == "user.added", event.c.subject == user.c.username)
    since = sa.func.coalesce(
        sa.select(sa.func.max(event.c.at)).where(granted).scalar_subquery(),
        sa.select(sa.func.max(event.c.at)).where(added).scalar_subquery(),
        sa.func.now(),
    )
    rows = op.get_bind().execute(
        sa.select(
            grant.c.user_id, grant.c.role, grant.c.unit_key, since.label("held_from"), user.c.disabled_at
        ).join_from(grant, user, user.c.id == grant.c.user_id)
    )
    held = [
        {
            "id": uuid4(),
            "user_id": row.user_id,
            "role": row.role,
            "unit_key": row.unit_key,
            "held_from": row.held_from,
            "held_to": row.disabled_at,
        }
        for row in rows
    ]
    if held:
        op.bulk_insert(appointment, held)
