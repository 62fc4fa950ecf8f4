"""The state of the local IAM: keys that are made when first needed."""

import asyncio
from datetime import datetime

import pytest

from recipes.testing.local_iam.api.signing import KeyMaker, SigningKey
from recipes.testing.local_iam.api.state import SystemKey


class CountingMaker(KeyMaker):
    """Counts the keys that it is asked for."""

    asked = 0

    async def make(
        self, subject: str, key_id: str, bits: int = 2048, until: datetime | None = None
    ) -> SigningKey:
        """Return a new key pair."""
        self.asked += 1
        return await super().make(subject, key_id, bits, until)


def test_calls_at_the_same_time_make_one_key() -> None:
    """A hundred first signatures do not wait for a hundred keys, nor for one who gave up."""

    async def ask(key: SystemKey) -> list[SigningKey]:
        first, *others = (asyncio.ensure_future(key.key()) for _ in range(100))
        await asyncio.sleep(0)
        first.cancel()
        found = await asyncio.gather(*others)
        with pytest.raises(asyncio.CancelledError):
            await first
        return found

    maker = CountingMaker()
    try:
        found = asyncio.run(ask(SystemKey(maker, "subject")))
    finally:
        maker.close()

    assert 1 == maker.asked
    assert 1 == len({id(key) for key in found})
