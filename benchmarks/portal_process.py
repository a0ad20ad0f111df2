"""A quick stand-in for the insurance portal in a process of its own, so that the asking process's CPU time is its own.

`python -m benchmarks.portal_process`: prints its port, serves until the end of standard input, then prints how many
tokens it gave and look-ups it answered. It agrees with whatever name and birth date it is told.
"""

import json
import socketserver
import sys
import threading

LOOKUP_PATH = "/api/egw/KQNhanLichSuKCB2024"
TOKEN = {
    "maKetQua": "200",
    "APIKey": {"access_token": "a" * 120, "id_token": "i" * 700, "token_type": "bearer", "expires_in": ""},
}
CARD = {
    "maKetQua": "000",
    "ghiChu": "Thẻ còn giá trị sử dụng",
    "maThe": "GD4000000000000",
    "diaChi": "Số 1 Đường Mẫu, Phường Mẫu, Hà Nội",
    "cqBHXH": "BHXH thành phố Mẫu",
    "gtTheTu": "01/01/2026",
    "gtTheDen": "31/12/2026",
    "maDKBD": "01028",
    "maSoBHXH": "0000000000",
    "ngayDu5Nam": "01/01/2030",
    "dsLichSuKCB2018": [
        {"maHoSo": str(number), "maCSKCB": "01028", "ngayVao": "202601010800", "ngayRa": "202601021600"}
        for number in range(20)
    ],
}


class _Handler(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self) -> None:
        while line := self.rfile.readline():
            length = 0
            while (header := self.rfile.readline()) not in (b"\r\n", b""):
                name, _, value = header.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            body = self.rfile.read(length)
            told = json.dumps(self._answer(line, body), ensure_ascii=False).encode()
            self.wfile.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(told), told)
            )

    def _answer(self, line: bytes, body: bytes) -> dict[str, object]:
        server: _Server = self.server  # type: ignore[assignment]
        lookup = LOOKUP_PATH.encode() in line
        with server.lock:
            server.counts[int(lookup)] += 1
        if not lookup:
            return TOKEN
        asked = json.loads(body)
        return {**CARD, "hoTen": asked["hoTen"], "ngaySinh": asked["ngaySinh"]}


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lock = threading.Lock()
        self.counts = [0, 0]


def main() -> None:
    """Serve until the end of standard input."""
    with _Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sys.stdout.write(f"{server.server_address[1]}\n")
        sys.stdout.flush()
        sys.stdin.read()
        server.shutdown()
        tokens, lookups = server.counts
        sys.stdout.write(json.dumps({"tokens": tokens, "lookups": lookups}) + "\n")


if __name__ == "__main__":
    main()
