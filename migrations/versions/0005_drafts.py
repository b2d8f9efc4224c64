"""Drafts of definitions, and the files in them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

LATER = {"initially": "DEFERRED", "deferrable": True}


def upgrade() -> None:
    op.create_table(
        "definition_draft",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("saved_by", sa.Uuid(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("deployment_id", sa.Uuid(), nullable=True),
        sa.Column("returned", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["author_id"], ["user_account.id"], name="fk_definition_draft_author_id", **LATER
        ),
        sa.ForeignKeyConstraint(
            ["saved_by"], ["user_account.id"], name="fk_definition_draft_saved_by", **LATER
        ),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployment.id"], name="fk_definition_draft_deployment_id", **LATER
        ),
        sa.PrimaryKeyConstraint("id", name="pk_definition_draft"),
    )
    op.create_table(
        "definition_draft_file",
        sa.Column("draft_id", sa.Uuid(), nullable=False),
        sa.Column("file", sa.String(length=200), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["draft_id"], ["definition_draft.id"], name="fk_definition_draft_file_draft_id", **LATER
        ),
        sa.PrimaryKeyConstraint("draft_id", "file", name="pk_definition_draft_file"),
    )
