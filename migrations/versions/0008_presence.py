"""Who has a draft open."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

LATER = {"initially": "DEFERRED", "deferrable": True}


def upgrade() -> None:
    op.create_table(
        "definition_draft_presence",
        sa.Column("draft_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["draft_id"], ["definition_draft.id"], name="fk_definition_draft_presence_draft_id", **LATER
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name="fk_definition_draft_presence_user_id", **LATER
        ),
        sa.PrimaryKeyConstraint("draft_id", "user_id", name="pk_definition_draft_presence"),
    )
