"""API keys: told from each other in constant time, and sessions of browsers signed with them."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import SecretStr

from server.settings import API_KEY

SESSION_SECONDS = 12 * 60 * 60
_SESSION = re.compile(r"([0-9]{1,12})\.([0-9a-f]{64})")


@dataclass(frozen=True)
class _Key:
    name: str
    digest: bytes
    signing: bytes


class ApiKeys:
    """The keys that are known. What is kept of each are hashes, not the key itself.

    Args:
        keys: as they are configured, each with the name of its owner in front as needed; one
            without is called by its number.
    """

    def __init__(self, keys: Iterable[SecretStr]) -> None:
        self._keys = [_key(each.get_secret_value(), n) for n, each in enumerate(keys, start=1)]

    def __len__(self) -> int:
        return len(self._keys)

    def owner(self, secret: str) -> str | None:
        """The name of a key, or None; takes as long for one as for another, known or not."""
        digest = _digest(secret, b"key")
        found = None
        for key in self._keys:
            if hmac.compare_digest(key.digest, digest):
                found = key.name
        return found

    def session(self, secret: str, now: float) -> str:
        """What a browser keeps in the place of a key: the end of its session, signed with the key.

        It holds wherever the key does, after a restart and on other replicas too, and ends when the
        key is taken back.
        """
        end = str(int(now) + SESSION_SECONDS)
        return f"{end}.{_signature(_digest(secret, b'session'), end)}"

    def owner_of_session(self, session: str, now: float) -> str | None:
        """The name of the key that a session was opened with, or None: forged, or over."""
        parts = _SESSION.fullmatch(session)
        if parts is None:
            return None
        found = None
        for key in self._keys:
            if hmac.compare_digest(_signature(key.signing, parts[1]), parts[2]):
                found = key.name
        return found if int(parts[1]) > now else None


def _key(configured: str, number: int) -> _Key:
    parts = re.fullmatch(API_KEY, configured)
    assert parts is not None, "the settings take no other keys"
    secret = parts["secret"]
    name = parts["name"] or f"key-{number}"
    return _Key(name, _digest(secret, b"key"), _digest(secret, b"session"))


def _digest(secret: str, purpose: bytes) -> bytes:
    # Keys are long and random: no slow hash is needed, as it is for passwords.
    return hashlib.blake2b(
        secret.encode("utf-8", "surrogatepass"), digest_size=32, person=purpose
    ).digest()


def _signature(key: bytes, end: str) -> str:
    return hmac.new(key, end.encode(), "sha256").hexdigest()
