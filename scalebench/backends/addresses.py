"""Workers that are there, at an address: what the backends that take one, and who checks it beforehand, have in common."""

import socket
from urllib.parse import urlsplit

CONNECT_S = 5.0  #: for whoever is at an address to answer
VERSION = "scalebench:__version__"  #: by ``pkgutil.resolve_name``: the host's is asked of the workers there


def place(address: str) -> str:
    """HOST:PORT, without the protocol."""
    return address.rpartition("://")[2]


def host_and_port(address: str) -> tuple[str, int] | None:
    """None where it is no address."""
    try:
        found = urlsplit("//" + place(address))
        host, port = found.hostname, found.port
    except ValueError:  # no number, or none of a port
        return None
    return (host, port) if host and port and found.netloc == place(address) and found.username is None else None


def connect(address: str) -> socket.socket:
    """To whoever is there, in bounded time.

    Raises:
        OSError: Nobody is.
        ValueError: It is no address.
    """
    if (found := host_and_port(address)) is None:
        raise ValueError(f"{address!r} is no address")
    return socket.create_connection(found, timeout=CONNECT_S)
