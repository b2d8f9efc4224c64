"""People who use the service, their units, roles, delegations and sessions."""

from datetime import date, datetime
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from service.models.base import Base


class Unit(Base):
    """A part of the organisation that owns cases."""

    __tablename__ = "unit"
    key: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(200))


class UnitHead(Base):
    """Who leads a unit: told of a deadline when assignee and team leader have not acted."""

    __tablename__ = "unit_head"
    unit_key: Mapped[str] = mapped_column(sa.ForeignKey("unit.key"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(sa.ForeignKey("user_account.id"))


class User(Base):
    """Someone who can log in. Never deleted, only disabled: history names them."""

    __tablename__ = "user_account"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    username: Mapped[str] = mapped_column(sa.String(64), unique=True)
    name: Mapped[str] = mapped_column(sa.String(200))
    language: Mapped[str] = mapped_column(sa.String(2), default="sv")
    shortcuts: Mapped[bool] = mapped_column(
        default=True
    )  # single-key shortcuts can be turned off (WCAG 2.1.4)
    email: Mapped[str | None] = mapped_column(sa.String(254))  # where warnings go; None: only in the service
    digest: Mapped[bool] = mapped_column(default=True)  # wants the daily list of deadlines by e-mail
    password_hash: Mapped[str | None] = mapped_column(sa.String(200))
    otp_secret: Mapped[bytes | None]  # sealed by the vault
    disabled_at: Mapped[datetime | None]
    protected: Mapped[bool] = mapped_column(
        default=False
    )  # own personal data are: named in no list of changes
    grants: Mapped[list["RoleGrant"]] = relationship(lazy="raise", back_populates="user")


class RoleGrant(Base):
    """A role that a user holds in a unit."""

    __tablename__ = "role_grant"
    user_id: Mapped[UUID] = mapped_column(sa.ForeignKey("user_account.id"), primary_key=True)
    role: Mapped[str] = mapped_column(sa.String(32), primary_key=True)  # a word of rules.permissions.Role
    unit_key: Mapped[str] = mapped_column(sa.ForeignKey("unit.key"), primary_key=True)
    user: Mapped[User] = relationship(lazy="raise", back_populates="grants")


class Delegation(Base):
    """The board has let this person decide in its place (KL 6:37, 7:5), from a day to a day."""

    __tablename__ = "delegation"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(sa.ForeignKey("user_account.id"), index=True)
    code: Mapped[str] = mapped_column(sa.String(64))
    position: Mapped[str] = mapped_column(sa.String(200))
    unit_key: Mapped[str] = mapped_column(sa.ForeignKey("unit.key"))
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    basis: Mapped[str] = mapped_column(sa.String(500))


class Appointment(Base):
    """A person held a role in a unit, from a moment to a moment; `role_grant` tells only of now."""

    __tablename__ = "appointment"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(sa.ForeignKey("user_account.id"), index=True)
    role: Mapped[str] = mapped_column(sa.String(32))  # a word of rules.permissions.Role
    unit_key: Mapped[str] = mapped_column(sa.ForeignKey("unit.key"), index=True)
    held_from: Mapped[datetime]
    held_to: Mapped[datetime | None]


class Training(Base):
    """A person has been trained. Never deleted, only withdrawn when it was entered by mistake."""

    __tablename__ = "training"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(sa.ForeignKey("user_account.id"), index=True)
    unit_key: Mapped[str] = mapped_column(sa.ForeignKey("unit.key"), index=True)  # where the person worked
    course: Mapped[str] = mapped_column(sa.String(200))
    given_on: Mapped[date]
    valid_until: Mapped[date | None]  # None: it does not grow old
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[UUID | None] = mapped_column(sa.ForeignKey("user_account.id"))
    withdrawn_at: Mapped[datetime | None]


class Login(Base):
    """A session of the browser or an API token, which can be ended here; only its hash is kept."""

    __tablename__ = "login"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(sa.ForeignKey("user_account.id"), index=True)
    secret_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    kind: Mapped[str] = mapped_column(sa.String(16))  # browser, token
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    user: Mapped[User] = relationship(lazy="raise")


class LoginAttempt(Base):
    """A failed login, to slow down guessing across all web processes; older ones are swept away."""

    __tablename__ = "login_attempt"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    about: Mapped[str] = mapped_column(sa.String(80))  # blind index of the account, or of the address
    at: Mapped[datetime]
    __table_args__ = (sa.Index("ix_login_attempt_about_at", "about", "at"),)
