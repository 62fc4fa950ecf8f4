"""Lists in pages, with tokens that stay right while the list changes."""

import base64
import json
from collections.abc import Callable, Iterable
from typing import TypeVar

from .rejections import invalid

Item = TypeVar("Item")


def page(
    items: Iterable[Item],
    key: Callable[[Item], str],
    size: int,
    token: str,
    *,
    of: str,
    default: int,
    maximum: int,
) -> tuple[list[Item], str]:
    """Return the page of `items` in the order of `key` that follows the token, and the next token.

    A size of 0 is the default, one above the maximum is the maximum, a negative one and a token of
    another list are INVALID_ARGUMENT.
    """
    if size < 0:
        raise invalid("page_size", f"Page size must not be negative: {size}.")
    after = _read(token, of) if token else ""
    rest = sorted((item for item in items if key(item) > after), key=key)
    size = min(size or default, maximum)
    chosen = rest[:size]
    return chosen, _write(key(chosen[-1]), of) if len(rest) > size else ""


def _write(after: str, of: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([of, after]).encode()).decode()


def _read(token: str, of: str) -> str:
    try:
        written_of, after = json.loads(base64.urlsafe_b64decode(token.encode()))
    except ValueError:
        raise invalid("page_token", "The page token is not one that a list returned.") from None
    if written_of != of or not isinstance(after, str):
        raise invalid("page_token", "The page token belongs to another list.")
    return after
