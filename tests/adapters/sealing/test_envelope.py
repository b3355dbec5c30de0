"""The envelope: opens for the key, the place and the version it was sealed for, and for nothing else."""

import hmac
import os
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from adapters.sealing.envelope import WRAPPED_BYTES, CannotOpen, Kind, Label, Sealed, rewrap, seal, unseal
from adapters.sealing.masters import MasterKey, Purpose, master_of
from domain.secrets import Secret

ROOT = Secret(bytes(range(32)))
MASTER = master_of(ROOT)
OTHER = master_of(Secret(bytes(range(1, 33))))
LABEL = Label("6f0d1d0e-52c4-4c55-9a6d-3f1f2f2b7a10", "01890000", Kind.SPEND_KEY, "bot", 1)
VALUE = Secret(b"33" * 32)
TEXT = st.text(max_size=5)


def counting(size: int) -> bytes:
    """Return bytes anybody can count, for known answers."""
    return bytes(range(size))


def hkdf(key: bytes, info: bytes) -> bytes:
    """Return 32 bytes derived as RFC 5869 says, without salt."""
    return hmac.digest(hmac.digest(bytes(32), key, "sha256"), info + b"\x01", "sha256")


def test_what_is_sealed_opens() -> None:
    sealed = seal(LABEL, VALUE, MASTER)
    assert unseal(sealed, [OTHER, MASTER]) == VALUE
    assert len(sealed.nonce) == 12
    assert len(sealed.wrapped_key) == WRAPPED_BYTES
    assert VALUE.reveal() not in sealed.ciphertext


def test_a_known_answer_by_hand() -> None:
    sealed = seal(LABEL, VALUE, MASTER, counting)
    fields = ["mrmarket-sealed-1", "secret", LABEL.instance, "01890000", "spend_key", "bot", "1"]
    bound = b"".join(len(f).to_bytes(4, "big") + f.encode() for f in fields)
    assert AESGCM(bytes(range(32))).decrypt(bytes(range(12)), sealed.ciphertext, bound) == VALUE.reveal()
    wrapping = hkdf(ROOT.reveal(), b"mrmarket 1 wrap money")
    around = bound.replace(b"\x00\x00\x00\x06secret", b"\x00\x00\x00\x14key " + sealed.kid.encode())
    assert AESGCM(wrapping).decrypt(bytes(range(12)), sealed.wrapped_key[12:], around) == bytes(range(32))


def test_every_sealing_has_a_key_and_a_nonce_of_its_own() -> None:
    made = [seal(LABEL, VALUE, MASTER) for _ in range(50)]
    for part in ("nonce", "ciphertext", "wrapped_key"):
        assert len({getattr(sealed, part) for sealed in made}) == 50


@pytest.mark.parametrize(
    "change",
    [
        {"instance": "another"},
        {"id": "another"},
        {"kind": Kind.VENUE_KEY},
        {"name": "another"},
        {"version": 2},
    ],
)
def test_a_row_moved_elsewhere_does_not_open(change: dict[str, object]) -> None:
    sealed = seal(LABEL, VALUE, MASTER)
    moved = replace(sealed, label=replace(LABEL, **change))  # type: ignore[arg-type]
    with pytest.raises(CannotOpen, match="does not open"):
        unseal(moved, [MASTER])
    with pytest.raises(CannotOpen, match="does not open"):
        rewrap(moved, [MASTER], OTHER)


@pytest.mark.parametrize("part", ["nonce", "ciphertext", "wrapped_key"])
def test_no_bit_may_be_flipped(part: str) -> None:
    sealed = seal(LABEL, Secret(b"k"), MASTER)
    whole: bytes = getattr(sealed, part)
    for bit in range(len(whole) * 8):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CannotOpen):
            unseal(replace(sealed, **{part: bytes(flipped)}), [MASTER])  # type: ignore[arg-type]


def test_parts_of_two_envelopes_do_not_mix() -> None:
    one, two = seal(LABEL, VALUE, MASTER), seal(replace(LABEL, version=2), VALUE, MASTER)
    for mixed in (replace(one, wrapped_key=two.wrapped_key), replace(one, ciphertext=two.ciphertext)):
        with pytest.raises(CannotOpen):
            unseal(mixed, [MASTER])


def test_another_master_key_or_none_says_which_is_missing() -> None:
    sealed = seal(LABEL, VALUE, MASTER)
    for masters in ([], [OTHER]):
        with pytest.raises(CannotOpen, match=MASTER.kid):
            unseal(sealed, masters)


def test_a_wrong_key_under_the_right_name_opens_nothing() -> None:
    with pytest.raises(CannotOpen):
        unseal(seal(LABEL, VALUE, MASTER), [replace(OTHER, kid=MASTER.kid)])


def test_the_half_for_the_chat_opens_the_session_and_no_money() -> None:
    half = MasterKey(MASTER.kid, {Purpose.CHAT: MASTER.wrapping[Purpose.CHAT]})
    session = seal(replace(LABEL, kind=Kind.SESSION_KEY), VALUE, MASTER)
    assert unseal(session, [half]) == VALUE
    for kind in (Kind.SPEND_KEY, Kind.VENUE_KEY):
        sealed = seal(replace(LABEL, kind=kind), VALUE, MASTER)
        with pytest.raises(CannotOpen, match="money half"):
            unseal(sealed, [half])
        with pytest.raises(CannotOpen, match="money half"):
            seal(replace(LABEL, kind=kind), VALUE, half)
        forged = MasterKey(MASTER.kid, dict.fromkeys(Purpose, MASTER.wrapping[Purpose.CHAT]))
        with pytest.raises(CannotOpen):
            unseal(sealed, [forged])


def test_wrapping_anew_changes_the_wrapping_alone() -> None:
    sealed = seal(LABEL, VALUE, MASTER)
    anew = rewrap(sealed, [MASTER], OTHER)
    assert unseal(anew, [OTHER]) == VALUE
    assert (anew.nonce, anew.ciphertext, anew.label) == (sealed.nonce, sealed.ciphertext, sealed.label)
    with pytest.raises(CannotOpen):
        unseal(anew, [MASTER])


@given(st.tuples(TEXT, TEXT, TEXT), st.tuples(TEXT, TEXT, TEXT))
def test_what_is_bound_is_unambiguous(one: tuple[str, str, str], two: tuple[str, str, str]) -> None:
    def bound(texts: tuple[str, str, str]) -> bytes:
        return Label(texts[0], texts[1], Kind.SPEND_KEY, texts[2], 1).bound("secret")

    assert (bound(one) == bound(two)) == (one == two)


@given(st.binary(max_size=300))
def test_whatever_is_sealed_comes_back(value: bytes) -> None:
    assert unseal(seal(LABEL, Secret(value), MASTER), [MASTER]).reveal() == value


def test_nothing_shows_a_key() -> None:
    data_key = os.urandom(32)
    sealed: Sealed = seal(LABEL, VALUE, MASTER, lambda size: data_key[:size])
    for shown in (repr(sealed), repr(MASTER), repr(LABEL)):
        assert data_key.hex() not in shown
        assert ROOT.reveal().hex() not in shown
        assert repr(ROOT.reveal()) not in shown
