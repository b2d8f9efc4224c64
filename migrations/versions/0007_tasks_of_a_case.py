"""Find a case's open tasks by the case, not among all that are open."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.drop_index("ix_task_case_id", "task")
    op.create_index("ix_task_case_id", "task", ["case_id", "closed_at", "due_at"])


def downgrade() -> None:
    op.drop_index("ix_task_case_id", "task")
    op.create_index("ix_task_case_id", "task", ["case_id"])
