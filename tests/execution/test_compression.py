"""Who gets gzip, by the rules of RFC 9110, and that it comes out as it went in."""

from __future__ import annotations

import gzip

import pytest

from execution.compression import LEAST_BYTES, compress, content_encoding, is_worth_it


@pytest.mark.parametrize(
    "accepted",
    ["gzip", "gzip, deflate, br, zstd", "GZIP", "x-gzip", "*", "br, *;q=0.1", "gzip;q=0.001", "identity;q=0.5, gzip;q=1.0",
     "identity;q=0, gzip", "gzip ; q=1", " gzip ,", "identity, gzip", "*;q=0, gzip"],
)  # fmt: skip
def test_wanted(accepted: str) -> None:
    assert content_encoding(accepted) == "gzip"


@pytest.mark.parametrize(
    "accepted",
    [None, "", "identity", "br", "gzip;q=0", "gzip;q=0.0", "gzip;q=0, *", "*;q=0", "br;q=1.0, *;q=0", "gzip;q=0.5, identity",
     "gzip;q=0.5, identity;q=0.8", "gzip;q=high", "gzip;q=-1", "gzip;q=2", "gzip;q=nan", "notgzip", "gzipped", ",", ";q=1",
     "gzip," * 1_000],
)  # fmt: skip
def test_not_wanted(accepted: str | None) -> None:
    assert content_encoding(accepted) is None


def test_comes_out_as_it_went_in_and_alike_each_time() -> None:
    body = b'{"data":' + b'{"score": 94.5}' * 200 + b"}"
    compressed = compress(body)
    assert gzip.decompress(compressed) == body
    assert len(compressed) < len(body) / 10
    assert compress(body) == compressed


def test_a_little_is_left_alone() -> None:
    assert not is_worth_it(b"x" * (LEAST_BYTES - 1))
    assert is_worth_it(b"x" * LEAST_BYTES)
