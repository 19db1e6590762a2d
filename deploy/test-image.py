"""For deploy/test-image: a name server that knows pbx.example.com, and an https server that is it. Ends by itself."""

import http.server
import socket
import ssl
import struct
import sys
import threading

LIMIT = 900  # seconds


def answer(query: bytes) -> bytes:
    """127.0.0.1 for an A of pbx.example.com, nothing for its other types, and else that there is no such name."""
    end = query.index(b"\0", 12) + 5
    known = query[12 : end - 4].lower() == b"\x03pbx\x07example\x03com\0"
    (kind,) = struct.unpack(">H", query[end - 4 : end - 2])
    found = known and kind == 1
    head = query[:2] + (b"\x81\x80" if known else b"\x81\x83") + b"\0\1" + bytes([0, found]) + b"\0\0\0\0" + query[12:end]
    return head + (b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1" if found else b"")


def names(address: str) -> None:
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((address, 53))
    while True:
        query, client = server.recvfrom(512)
        server.sendto(answer(query), client)


class Handler(http.server.BaseHTTPRequestHandler):
    """Nothing is here."""

    def do_GET(self) -> None:
        self.send_error(404)


def main() -> None:
    address, folder = sys.argv[1:]
    threading.Thread(target=names, args=(address,), daemon=True).start()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/cert.pem", f"{folder}/key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Timer(LIMIT, server.shutdown).start()
    print("https", server.server_address[1], flush=True)
    server.serve_forever()


main()
