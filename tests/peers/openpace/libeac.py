"""OpenPACE's libeac as the card's cryptography: PACE with generic mapping, chip authentication, cipher and checksum of
secure messaging.

Through ctypes, in a process of its own: libeac brings Debian's OpenSSL with it. Knows no APDU. Chip authentication in
the library is version 2, whose keys hang on a nonce as well; version 1, that of travel documents, is the same library's
key agreement and key derivation without one (BSI TR-03110-3, A.2.3.2 against A.2.3.1).
"""

import ctypes
from collections.abc import Callable
from ctypes import POINTER, Structure, c_char_p, c_int, c_size_t, c_ubyte, c_ulong, c_void_p, cast
from typing import Any, TypeVar

T = TypeVar("T")
_eac = ctypes.CDLL("libeac.so.3")

PACE, CHIP = 0, 1  # EAC_ID_PACE, EAC_ID_CA
MRZ, CAN = 1, 2  # enum s_type, which are also the password references of TR-03110


class LibraryError(Exception):
    """A function of libeac failed."""


class _Buffer(Structure):
    """OpenSSL's BUF_MEM."""

    _fields_ = (("length", c_size_t), ("data", c_void_p), ("max", c_size_t), ("flags", c_ulong))


class _ChipAuthentication(Structure):
    """The beginning of CA_CTX (eac/eac.h)."""

    _fields_ = (("version", c_ubyte), ("protocol", c_int), ("id", c_int), ("flags", c_int), ("agreement", c_void_p))


class _Context(Structure):
    """The beginning of EAC_CTX (eac/eac.h)."""

    _fields_ = (
        ("version", c_int),
        *((name, c_void_p) for name in ("numbers", "digest", "cipher", "pace", "paces", "restricted", "restricteds")),
        ("terminal", c_void_p),
        ("chip", POINTER(_ChipAuthentication)),
    )


_BufferPointer = POINTER(_Buffer)


def _function(name: str, result: object, *arguments: object) -> "ctypes._NamedFuncPointer":
    found = getattr(_eac, name)
    found.restype, found.argtypes = result, arguments
    return found


_create = _function("BUF_MEM_create_init", _BufferPointer, c_char_p, c_size_t)
_clear = _function("BUF_MEM_clear_free", None, _BufferPointer)
_init = _function("EAC_init", None)
_new = _function("EAC_CTX_new", c_void_p)
_free = _function("EAC_CTX_clear_free", None, c_void_p)
_init_pace = _function("EAC_CTX_init_pace", c_int, c_void_p, c_int, c_int)
_init_chip = _function("EAC_CTX_init_ca", c_int, c_void_p, c_int, c_int)
_use = _function("EAC_CTX_set_encryption_ctx", c_int, c_void_p, c_int)
_reset_counter = _function("EAC_reset_ssc", c_int, c_void_p)
_count = _function("EAC_increment_ssc", c_int, c_void_p)
_encrypt = _function("EAC_encrypt", _BufferPointer, c_void_p, _BufferPointer)
_decrypt = _function("EAC_decrypt", _BufferPointer, c_void_p, _BufferPointer)
_authenticate = _function("EAC_authenticate", _BufferPointer, c_void_p, _BufferPointer)
_pad = _function("EAC_add_iso_pad", _BufferPointer, c_void_p, _BufferPointer)
_unpad = _function("EAC_remove_iso_pad", _BufferPointer, _BufferPointer)
_secret = _function("PACE_SEC_new", c_void_p, c_char_p, c_size_t, c_int)
_secret_free = _function("PACE_SEC_clear_free", None, c_void_p)
_nonce = _function("PACE_STEP1_enc_nonce", _BufferPointer, c_void_p, c_void_p)
_mapping = _function("PACE_STEP3A_generate_mapping_data", _BufferPointer, c_void_p)
_map = _function("PACE_STEP3A_map_generator", c_int, c_void_p, _BufferPointer)
_ephemeral = _function("PACE_STEP3B_generate_ephemeral_key", _BufferPointer, c_void_p)
_agree = _function("PACE_STEP3B_compute_shared_secret", c_int, c_void_p, _BufferPointer)
_derive = _function("PACE_STEP3C_derive_keys", c_int, c_void_p)
_token = _function("PACE_STEP3D_compute_authentication_token", _BufferPointer, c_void_p, _BufferPointer)
_verify = _function("PACE_STEP3D_verify_authentication_token", c_int, c_void_p, _BufferPointer)
_set_chip_key = _function("CA_set_key", c_int, c_void_p, c_char_p, c_size_t, c_char_p, c_size_t)
_agree_with_chip = _function("CA_STEP4_compute_shared_secret", c_int, c_void_p, _BufferPointer)
_derive_without_nonce = _function("KA_CTX_derive_keys", c_int, c_void_p, c_void_p, c_void_p)
_name_to_number = _function("EAC_OBJ_txt2nid", c_int, c_char_p)
_init()


def _checked(done: int) -> None:
    if done != 1:
        raise LibraryError


def _take(pointer: "ctypes._Pointer[_Buffer]") -> bytes:
    """The content of a buffer that is ours to free."""
    if not pointer:
        raise LibraryError
    content = ctypes.string_at(pointer.contents.data, pointer.contents.length)
    _clear(pointer)
    return content


class Session:
    """One PACE run on the card's side, then the cipher of the session it opened, then that of chip authentication.

    `protocol` is the dotted object identifier, `parameters` the number of the standardised domain parameters.
    `password`: six digits, or the three lines of a card's machine-readable zone as one string.
    """

    def __init__(self, protocol: str, parameters: int, password: str, kind: int) -> None:
        self._context = _new()
        self._secret = None
        _checked(_init_pace(self._context, _name_to_number(protocol.encode()), parameters))
        self._secret = _secret(password.encode(), len(password), kind)
        self._theirs = b""

    def close(self) -> None:
        """Wipe what libeac holds."""
        _free(self._context)
        if self._secret is not None:
            _secret_free(self._secret)

    # PACE

    def encrypted_nonce(self) -> bytes:
        return _take(_nonce(self._context, self._secret))

    def map(self, theirs: bytes) -> bytes:
        ours = _take(_mapping(self._context))
        _checked(self._with(theirs, lambda buffer: _map(self._context, buffer)))
        return ours

    def agree(self, theirs: bytes) -> bytes:
        ours = _take(_ephemeral(self._context))
        _checked(self._with(theirs, lambda buffer: _agree(self._context, buffer)))
        _checked(_derive(self._context))
        self._theirs = theirs
        return ours

    def token_fits(self, token: bytes) -> bool:
        """Whether the terminal came to the same keys."""
        return self._with(token, lambda buffer: _verify(self._context, buffer)) == 1

    def open(self) -> bytes:
        """Our own token; from here on the session keys are in use."""
        token = self._through(lambda buffer: _token(self._context, buffer), self._theirs)
        self._begin(PACE)
        return token

    # Chip authentication

    def agree_with_chip(self, protocol: str, parameters: int, private: bytes, theirs: bytes) -> None:
        """Agree on keys with the chip's static private key and the terminal's ephemeral public one."""
        _checked(_init_chip(self._context, _name_to_number(protocol.encode()), parameters))
        _checked(_set_chip_key(self._context, private, len(private), None, 0))
        _checked(self._with(theirs, lambda buffer: _agree_with_chip(self._context, buffer)))
        context = cast(self._context, POINTER(_Context)).contents
        _checked(_derive_without_nonce(context.chip.contents.agreement, None, context.digest))

    def use_chip_keys(self) -> None:
        """From here on the keys of chip authentication are in use."""
        self._begin(CHIP)

    # Secure messaging

    def count(self) -> None:
        _checked(_count(self._context))

    def encrypt(self, padded: bytes) -> bytes:
        return self._through(lambda buffer: _encrypt(self._context, buffer), padded)

    def decrypt(self, hidden: bytes) -> bytes:
        return self._through(lambda buffer: _decrypt(self._context, buffer), hidden)

    def checksum(self, padded: bytes) -> bytes:
        return self._through(lambda buffer: _authenticate(self._context, buffer), padded)

    def pad(self, data: bytes) -> bytes:
        return self._through(lambda buffer: _pad(self._context, buffer), data)

    def unpad(self, data: bytes) -> bytes:
        return self._through(lambda buffer: _unpad(buffer), data)

    def _begin(self, keys: int) -> None:
        _checked(_use(self._context, keys))
        _checked(_reset_counter(self._context))

    def _with(self, data: bytes, use: Callable[["ctypes._Pointer[_Buffer]"], T]) -> T:
        buffer = _create(data, len(data))
        try:
            return use(buffer)
        finally:
            _clear(buffer)

    def _through(self, step: Callable[["ctypes._Pointer[_Buffer]"], Any], data: bytes) -> bytes:
        return _take(self._with(data, step))
