"""Secrets that phones and carriers need in clear: encrypted with secret.key, digested for SIP, generated."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from provisioning.store.errors import StoreError

# Letters and digits that nobody takes for another when typing them into a phone.
ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
PASSWORD_LENGTH = 16


class SecretKey:
    """The key of one data directory. Encrypts and decrypts passwords; never shows itself."""

    def __init__(self, key: bytes) -> None:
        self._fernet = Fernet(key)
        self._key = hashlib.sha256(b"fingerprint" + key).digest()

    def encrypt(self, clear: str) -> bytes:
        """The form that the database holds."""
        return self._fernet.encrypt(clear.encode())

    def decrypt(self, token: bytes) -> str:
        """The password in clear. Raises StoreError where it was encrypted with another key."""
        try:
            return self._fernet.decrypt(token).decode()
        except InvalidToken:
            raise StoreError(
                "A stored password cannot be decrypted: secret.key is not the key of this database. "
                "Restore the secret.key that belongs to it."
            ) from None

    def fingerprint(self, text: str) -> str:
        """Sixty-four bits, in hexadecimal, that tell whether a text is still the same, and nothing of it."""
        return hmac.digest(self._key, text.encode(), "sha256")[:8].hex()


def create_key(path: Path) -> SecretKey:
    """Write a new key with mode 0600. Raises FileExistsError: a key is never replaced; OSError leaves no key."""
    key = Fernet.generate_key()
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(key + b"\n")
            file.flush()
            os.fsync(descriptor)
        path.hardlink_to(new)
    finally:
        new.unlink()
    return SecretKey(key)


def read_key(path: Path) -> SecretKey:
    """The key in `path`, which is closed to others if it was open. Raises StoreError if missing or broken."""
    try:
        key = SecretKey(path.read_bytes().strip())
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
    except FileNotFoundError:
        raise StoreError(
            f"{path} is missing, and without it the passwords in the database cannot be read. "
            "Restore it from where the data directory is backed up."
        ) from None
    except ValueError:
        raise StoreError(
            f"{path} holds no key. Restore it from where the data directory is backed up."
        ) from None
    return key


def generate_password() -> str:
    """A new password of 16 letters and digits, about 92 bits."""
    return "".join(secrets.choice(ALPHABET) for _ in range(PASSWORD_LENGTH))


def digest_ha1(username: str, realm: str, password: str) -> tuple[str, str]:
    """H(A1) by MD5 and by SHA-256, as lower-case hex (RFC 7616 §3.4.2)."""
    a1 = f"{username}:{realm}:{password}".encode()
    return hashlib.md5(a1, usedforsecurity=False).hexdigest(), hashlib.sha256(a1).hexdigest()
