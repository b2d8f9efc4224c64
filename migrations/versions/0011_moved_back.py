"""The state that a case was moved with, until it goes on; which of the staff are not to be named."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("process_instance", sa.Column("before_move", sa.LargeBinary(), nullable=True))
    op.add_column(
        "user_account", sa.Column("protected", sa.Boolean(), server_default=sa.false(), nullable=False)
    )


def downgrade() -> None:
    op.drop_column("user_account", "protected")
    op.drop_column("process_instance", "before_move")
