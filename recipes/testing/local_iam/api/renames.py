"""The names of an account in policies, which its deletion changes and its undelete changes back.

They live below the policies: who deletes an account knows that policies name it, not what they say.
"""

from collections.abc import Iterable
from typing import Any

from .resources import mark_changed
from .state import Account, State, new_etag

SERVICE_ACCOUNT = "principal://iam.googleapis.com/projects/-/serviceAccounts/"


def rename_everywhere(state: State, account: Account) -> None:
    """Give an account its name in every policy: a deleted one carries its unique id."""
    member, principal = f"serviceAccount:{account.email}", f"{SERVICE_ACCOUNT}{account.email}"
    for live, rename in ((member, _rename_member), (principal, _rename_principal)):
        gone = f"deleted:{live}?uid={account.unique_id}"
        old, new = (live, gone) if account.deleted else (gone, live)
        rename(state, old, new)


def _rename_member(state: State, old: str, new: str) -> None:
    """Rename a member in the policy of every account."""
    for account in state.accounts.values():
        for binding in account.policy.bindings:
            members = [new if member == old else member for member in binding.members]
            if members != list(binding.members):
                binding.members[:] = members
                account.policy.etag = new_etag()


def _rename_principal(state: State, old: str, new: str) -> None:
    """Rename a principal in every policy of `iam_v2` and `iam_v3`."""
    for resource in state.resources.values():
        held = [names for names in _principals(resource) if old in names]
        for names in held:
            names[:] = [new if name == old else name for name in names]
        if held:
            mark_changed(resource)


def _principals(resource: Any) -> Iterable[Any]:
    """Yield the lists of principals in the rules of a policy."""
    policy = getattr(resource, "details", resource)
    for rule in getattr(policy, "rules", ()):
        holder = getattr(rule, "deny_rule", rule)
        for field in type(holder).meta.fields:
            if field.endswith("principals"):
                yield getattr(holder, field)
