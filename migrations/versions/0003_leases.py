"""Leases of due timers; which awaited messages a case may stand and wait for alone."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("job", sa.Column("leased_by", sa.String(length=64), nullable=True))
    op.add_column("job", sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("job", sa.Column("losses", sa.Integer(), server_default="0", nullable=False))
    op.add_column(
        "awaited_message", sa.Column("on_the_way", sa.Boolean(), server_default=sa.true(), nullable=False)
    )
