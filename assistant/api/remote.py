"""Pictures by address, from hosts that the shop allows: fetched so that an address can lead nowhere else.

Every hop's host must be allowed and every address that its name resolves to must be a public one; the connection goes
to an address that was checked, whatever the name says a moment later. One deadline holds for names, connections,
redirects and bytes together, and bytes are counted on the wire.
"""

from __future__ import annotations

import concurrent.futures
import ipaddress
import logging
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from urllib.parse import urljoin

import httpcore

from assistant.api.errors import ApiError

_LOG = logging.getLogger(__name__)
_URL = re.compile(
    r"(https?)://([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)(?::(\d{1,5}))?(?:/[\x21-\x7e]*|\?[\x21-\x7e]*)?", re.IGNORECASE
)
_PORTS = {"http": 80, "https": 443}
_MOST_HOPS = 4
_MOST_URL = 2_000
# Ways of writing an IPv4 address as one of IPv6: NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056), Teredo (RFC 4380).
_DISGUISES = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")))

Resolve = Callable[[str, int], Sequence[str]]


class Refused(Exception):
    """An address that is not opened. The message is for whoever sent it."""


class Failed(Exception):
    """A fetch that came to nothing. The message is for whoever sent the address."""


class Fetcher:
    """`hosts`: names as they stand in addresses, or `*.name` for all names under one. `resolve` gives a name's addresses
    and `backend` connects to one."""

    def __init__(
        self,
        hosts: Iterable[str],
        *,
        longest_s: float = 10.0,
        most_bytes: int = 20 * 2**20,
        resolve: Resolve | None = None,
        backend: httpcore.NetworkBackend | None = None,
    ) -> None:
        self._hosts = frozenset(host.strip().lower().rstrip(".") for host in hosts if host.strip())
        self._longest_s, self._most_bytes = longest_s, most_bytes
        self._resolve, self._backend = resolve or _resolve, backend or httpcore.SyncBackend()
        self._names = concurrent.futures.ThreadPoolExecutor(4, "names")

    def fetch(self, url: str, param: str) -> bytes:
        """The bytes at an address. Raises ApiError naming the field."""
        try:
            return self._fetch(url)
        except Refused as error:
            raise ApiError(f"'{param}': {error}.", code="remote_image_refused", param=param) from error
        except Failed as error:
            raise ApiError(f"'{param}': {error}.", code="remote_image_failed", param=param) from error
        except (httpcore.TimeoutException, TimeoutError, concurrent.futures.TimeoutError) as error:
            message = f"'{param}': the picture did not come within {self._longest_s:g} seconds."
            raise ApiError(message, code="remote_image_failed", param=param) from error
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            _LOG.info("a picture could not be fetched: %s", type(error).__name__)
            raise ApiError(f"'{param}': the picture could not be fetched.", code="remote_image_failed", param=param) from error

    def _fetch(self, url: str) -> bytes:
        until = time.monotonic() + self._longest_s
        for _ in range(_MOST_HOPS):
            self._check(url)
            wire = _Wire(self._backend, self._addresses, until, self._most_bytes)
            with httpcore.ConnectionPool(
                ssl_context=ssl.create_default_context(), network_backend=wire, retries=0, max_connections=1
            ) as pool:
                # Nothing of ours goes along; and no compression, under which few bytes could become many.
                headers = {"accept": "image/*", "accept-encoding": "identity", "user-agent": "outfit-assistant"}
                with pool.stream("GET", url, headers=headers) as reply:
                    fields = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in reply.headers}
                    if reply.status in (301, 302, 303, 307, 308) and "location" in fields:
                        url = urljoin(url, fields["location"])
                        continue
                    if reply.status != 200:
                        raise Failed(f"the picture's host answered {reply.status}")
                    if fields.get("content-encoding", "identity").lower() not in ("identity", ""):
                        raise Failed("the picture's host compressed it though nobody asked for that")
                    return b"".join(reply.iter_stream())
        raise Failed(f"the address leads on more than {_MOST_HOPS - 1} times")

    def _check(self, url: str) -> None:
        """Raises Refused for anything but a plain address at an allowed host and the scheme's own port."""
        match = _URL.fullmatch(url) if len(url) <= _MOST_URL else None
        if match is None:
            raise Refused("expected a plain http or https address, or the picture itself as a data URL")
        scheme, host, port = match[1].lower(), match[2].lower(), match[3]
        if port is not None and int(port) != _PORTS[scheme]:
            raise Refused(f"pictures are fetched from port {_PORTS[scheme]} only")
        above = host.split(".")
        names = {host, *("*." + ".".join(above[i:]) for i in range(1, len(above)))}
        if not names & self._hosts:
            raise Refused("pictures of that host are not opened here: send the picture itself as a data URL")

    def _addresses(self, host: str, port: int, timeout_s: float) -> Sequence[str]:
        """A name's addresses, all of them public. Raises Refused, Failed."""
        try:
            found = self._names.submit(self._resolve, host, port).result(timeout_s)
        except TimeoutError:  # which is an OSError, too
            raise
        except OSError as error:
            raise Failed("the picture's host has no address") from error
        if not found or not all(map(is_public, found)):
            raise Refused("the picture's host is not on the public network")
        return found


def is_public(address: str) -> bool:
    """Whether an address is of the public internet, in none of the disguises that an IPv4 address may wear."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None or any(ip in network for network in _DISGUISES):
            return False
        if ip in ipaddress.ip_network("fec0::/10"):  # site-local, deprecated and still routed in places
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not ip.is_unspecified


def _resolve(host: str, port: int) -> list[str]:
    return [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class _Wire(httpcore.NetworkBackend):
    """Connects to addresses that were checked, until a time, and lets so many bytes in."""

    def __init__(
        self,
        backend: httpcore.NetworkBackend,
        addresses: Callable[[str, int, float], Sequence[str]],
        until: float,
        most_bytes: int,
    ) -> None:
        self._backend, self._addresses, self._until = backend, addresses, until
        self._left = most_bytes

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        address = self._addresses(host, port, self.left_s())[0]
        return _Stream(self._backend.connect_tcp(address, port, self.left_s(), local_address, socket_options), self)

    def left_s(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the deadline is over")
        return left

    def count(self, data: bytes) -> bytes:
        self._left -= len(data)
        if self._left < 0:
            raise Failed("the picture is larger than is accepted")
        return data


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, wire: _Wire) -> None:
        self._stream, self._wire = stream, wire

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._wire.count(self._stream.read(max_bytes, self._wire.left_s()))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._wire.left_s())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, self._wire.left_s()), self._wire)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
