from __future__ import annotations

import stat
from pathlib import Path

import pytest

from provisioning.store.errors import StoreError
from provisioning.store.secrets import create_key, digest_ha1, generate_password, read_key


def test_a_new_key_is_the_owners_alone_and_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    token = create_key(path).encrypt("a password")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"a password" not in token
    assert read_key(path).decrypt(token) == "a password"


def test_a_key_is_never_replaced(tmp_path: Path) -> None:
    create_key(tmp_path / "secret.key")
    with pytest.raises(FileExistsError):
        create_key(tmp_path / "secret.key")


def test_a_key_that_others_could_read_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    create_key(path)
    path.chmod(0o644)
    read_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_missing_a_broken_and_a_strange_key_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is missing"):
        read_key(tmp_path / "none")
    (tmp_path / "broken").write_text("not a key")
    with pytest.raises(StoreError, match="holds no key"):
        read_key(tmp_path / "broken")
    token = create_key(tmp_path / "one").encrypt("a password")
    with pytest.raises(StoreError, match="not the key of this database"):
        create_key(tmp_path / "two").decrypt(token)


def test_generated_passwords_differ_and_can_be_typed() -> None:
    passwords = {generate_password() for _ in range(50)}
    assert len(passwords) == 50
    for password in passwords:
        assert len(password) == 16
        assert password.isalnum()
        assert not set(password) & set("lIO01")


def test_ha1_is_that_of_the_example_in_rfc_7616() -> None:
    # RFC 7616 §3.9.1 gives the credentials; the response of its SHA-256 and MD5 examples follows from these.
    md5, sha256 = digest_ha1("Mufasa", "http-auth@example.org", "Circle of Life")
    assert md5 == "3d78807defe7de2157e2b0b6573a855f"
    assert sha256 == "7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232"
