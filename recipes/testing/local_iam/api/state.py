"""What the local IAM remembers for its life."""

import asyncio
import itertools
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from google.iam.v1 import policy_pb2  # type: ignore[import-untyped]

from .signing import KeyMaker, SigningKey

EMPTY_POLICY_ETAG = b"\x00\x20\x01"
NEVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone.utc)
_revision = itertools.count(1)


def now() -> datetime:
    """Return the time of day in UTC."""
    return datetime.now(timezone.utc)


def new_etag() -> bytes:
    """Return an etag that no other revision of anything has."""
    return b"\x07" + (time.time_ns() // 1000 * 64 + next(_revision) % 64).to_bytes(8, "big")


def empty_policy() -> Any:
    """Return the policy of a resource whose policy nobody has set."""
    return policy_pb2.Policy(etag=EMPTY_POLICY_ETAG)


@dataclass
class UserKey:
    """The public half of a key that the user holds."""

    key_id: str
    public_key: RSAPublicKey
    certificate: bytes
    valid_after: datetime
    valid_before: datetime
    uploaded: bool = False
    disabled: bool = False


@dataclass
class SystemKey:
    """A key that the service holds and signs with; its numbers are made when first needed."""

    maker: KeyMaker
    subject: str
    key_id: str = field(default_factory=lambda: secrets.token_hex(20))
    valid_after: datetime = field(default_factory=now)
    _making: "asyncio.Task[SigningKey] | None" = None

    async def key(self) -> SigningKey:
        """Return the key pair; who asks while it is made waits, and does not make another."""
        if self._making is None:
            self._making = asyncio.create_task(self.maker.make(self.subject, self.key_id))
        return await asyncio.shield(self._making)


@dataclass
class Account:
    """A service account, live or deleted."""

    project: str
    email: str
    unique_id: str
    system_key: SystemKey
    display_name: str = ""
    description: str = ""
    disabled: bool = False
    deleted: bool = False
    etag: bytes = field(default_factory=new_etag)
    keys: dict[str, UserKey] = field(default_factory=dict)
    policy: Any = field(default_factory=empty_policy)

    @property
    def name(self) -> str:
        """Return the resource name."""
        return f"projects/{self.project}/serviceAccounts/{self.email}"


@dataclass
class CustomRole:
    """A role that the user defined."""

    name: str
    title: str
    description: str
    permissions: list[str]
    stage: int
    etag: bytes = field(default_factory=new_etag)
    deleted: bool = False


@dataclass
class State:
    """Projects, accounts, keys, roles and policies.

    `resources` holds the policies of `iam_v2` and `iam_v3`, and their bindings, by name.
    """

    projects: dict[str, str]
    token_uri: str
    maker: KeyMaker
    token_secret: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    accounts: dict[str, Account] = field(default_factory=dict)
    roles: dict[str, CustomRole] = field(default_factory=dict)
    resources: dict[str, Any] = field(default_factory=dict)
    operations: dict[str, Any] = field(default_factory=dict)
    google_key: SystemKey = field(init=False)
    _by_email: dict[str, Account] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.google_key = SystemKey(self.maker, "federated-signon.system.gserviceaccount.com")

    def add_account(self, project: str, account_id: str) -> Account:
        """Make a service account with a unique id that no account ever had."""
        email = f"{account_id}@{project}.iam.gserviceaccount.com"
        unique_id = str(10**20 + secrets.randbelow(10**19))
        account = Account(project, email, unique_id, SystemKey(self.maker, email))
        self.accounts[unique_id] = account
        self._by_email[email] = account
        return account

    def remove_account(self, account: Account) -> None:
        """Delete softly: the e-mail is free again, the unique id still leads to the account."""
        account.deleted = True
        del self._by_email[account.email]

    def restore_account(self, account: Account) -> None:
        """Take a deletion back."""
        account.deleted = False
        self._by_email[account.email] = account

    def account(self, email_or_unique_id: str) -> Account | None:
        """Return the live account of this e-mail or unique id."""
        account = self._by_email.get(email_or_unique_id) or self.accounts.get(email_or_unique_id)
        return None if account is None or account.deleted else account

    def live_accounts(self, project: str) -> Iterator[Account]:
        """Yield the live accounts of a project."""
        return (account for account in self._by_email.values() if account.project == project)
