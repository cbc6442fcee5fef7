"""A line that stands still for longer than a connect may take does not cost the part that is on its way."""

import socket
import threading
import time
from pathlib import Path

from v2s_tui.adapters.objectstore.file_window import FileWindow
from v2s_tui.adapters.objectstore.part_sender import pooled_session
from v2s_tui.adapters.objectstore.parts import PartRange
from v2s_tui.domain.units import MIB
from v2s_tui.lab.tls import TlsFiles, make_certificate, server_context
from v2s_tui.system.layered_file import WholeFile

SIZE = 8 * MIB
"""More than the kernel's buffers on both sides take."""
CONNECT_SECONDS = 1.0


def serve(listener: socket.socket, tls: TlsFiles) -> None:
    """Takes one part, after a pause in its midst."""
    accepted, _ = listener.accept()
    with server_context(tls).wrap_socket(accepted, server_side=True) as line:
        taken = len(line.recv(MIB))
        time.sleep(2 * CONNECT_SECONDS)
        while taken < SIZE and (chunk := line.recv(MIB)):
            taken += len(chunk)
        line.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: "e"\r\n\r\n')


def test_a_part_outlives_a_pause_of_the_line(tmp_path: Path) -> None:
    disk = tmp_path / "disk.qcow2"
    disk.write_bytes(bytes(SIZE))
    tls = make_certificate(tmp_path)
    listener = socket.create_server(("127.0.0.1", 0))
    server = threading.Thread(target=serve, args=(listener, tls))
    server.start()
    with listener, WholeFile(disk) as file, pooled_session(1) as session:
        answer = session.put(
            f"https://127.0.0.1:{listener.getsockname()[1]}/",
            data=FileWindow(file, PartRange(1, 0, SIZE), before_chunk=lambda _size: None),
            timeout=(CONNECT_SECONDS, 10.0),
            verify=str(tls.ca_file),
        )
        server.join()
    assert answer.headers["ETag"] == '"e"'
