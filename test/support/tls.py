# SPDX-License-Identifier: Apache-2.0
"""HTTPS as a client of a registry sees it."""
from support.client import ProtocolError


def tls_settings(pair, **more):
    """For a registry whose certificate is @pair; keywords go to http.tls."""
    return {
        "http.tls.certificate": str(pair.path),
        "http.tls.key": str(pair.key_path),
    } | {f"http.tls.{key}": value for key, value in more.items()}


def is_served(registry, context):
    """Whether a request through @context gets its answer."""
    try:
        with registry.connect(tls=context) as connection:
            return connection.request("GET", "/v2/").status == 200
    except (OSError, ProtocolError):
        return False


def serial_of(registry, context):
    """The serial number of the certificate that new connections get."""
    with registry.connect(tls=context) as connection:
        return int(connection.socket.getpeercert()["serialNumber"], 16)


def session_of(registry, context, session=None):
    """Makes a request and returns (the session to resume, whether one was resumed)."""
    with registry.connect() as connection:
        connection.socket = context.wrap_socket(
            connection.socket, server_hostname="localhost", session=session
        )
        assert connection.request("GET", "/v2/").status == 200
        return connection.socket.session, connection.socket.session_reused
