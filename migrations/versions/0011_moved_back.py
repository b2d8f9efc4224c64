"""The state that a case was moved with, so that it can be moved back until it goes on."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("process_instance", sa.Column("before_move", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.drop_column("process_instance", "before_move")
