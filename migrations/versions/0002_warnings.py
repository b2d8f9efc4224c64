"""Warnings about deadlines: when to warn next, notices, e-mail, the calendar feed; pauses; heads of units."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "unit_head",
        sa.Column("unit_key", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        _references("unit_head", "unit_key", "unit.key"),
        _references("unit_head", "user_id", "user_account.id"),
        sa.PrimaryKeyConstraint("unit_key", name="pk_unit_head"),
    )
    op.add_column("user_account", sa.Column("email", sa.String(length=254), nullable=True))
    op.add_column("user_account", sa.Column("digest", sa.Boolean(), server_default=sa.true(), nullable=False))
    op.add_column("job", sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True))
    for table in ("task", "job"):
        _watch(table)
    _notices()
    _mail()
    _feed()


def _watch(table: str) -> None:
    op.add_column(table, sa.Column("period", sa.String(length=64), nullable=True))
    op.add_column(table, sa.Column("counts_from", sa.DateTime(timezone=True), nullable=True))
    op.add_column(table, sa.Column("warn_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(table, sa.Column("warn_level", sa.Integer(), server_default="0", nullable=False))
    op.create_index(f"ix_{table}_warn_at", table, ["warn_at"])


def _notices() -> None:
    op.create_table(
        "notice",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("deadline_id", sa.Uuid(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=32), nullable=False),
        sa.Column("name_sv", sa.String(length=200), nullable=True),
        sa.Column("name_en", sa.String(length=200), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        _references("notice", "case_id", "case_file.id"),
        _references("notice", "user_id", "user_account.id"),
        sa.PrimaryKeyConstraint("id", name="pk_notice"),
    )
    op.create_index("ix_notice_case_id", "notice", ["case_id"])
    op.create_index("ix_notice_user_id_seen_at", "notice", ["user_id", "seen_at"])


def _mail() -> None:
    op.create_table(
        "mail",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("send_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease", sa.Uuid(), nullable=True),
        sa.Column("lease_ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("trouble", sa.String(length=500), nullable=True),
        _references("mail", "case_id", "case_file.id"),
        _references("mail", "user_id", "user_account.id"),
        sa.PrimaryKeyConstraint("id", name="pk_mail"),
    )
    op.create_index("ix_mail_case_id", "mail", ["case_id"])
    op.create_index("ix_mail_user_id", "mail", ["user_id"])
    op.create_index("ix_mail_send_at", "mail", ["send_at", "id"])


def _feed() -> None:
    op.create_table(
        "digest",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deadlines", sa.Integer(), nullable=False),
        _references("digest", "user_id", "user_account.id"),
        sa.PrimaryKeyConstraint("user_id", "day", name="pk_digest"),
    )
    op.create_table(
        "calendar_feed",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=True),
        _references("calendar_feed", "user_id", "user_account.id"),
        sa.PrimaryKeyConstraint("user_id", name="pk_calendar_feed"),
        sa.UniqueConstraint("secret_hash", name="uq_calendar_feed_secret_hash"),
    )


def _references(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_{column}"
    return sa.ForeignKeyConstraint([column], [target], name=name, initially="DEFERRED", deferrable=True)
