"""Something to switch off between a client and a server."""

import asyncio
import ssl
from socket import AF_INET


class Gate:
    """Stands between a client and a server on a Unix socket: open, closed, or silent like a black hole."""

    def __init__(self, socket: str, tls: ssl.SSLContext | None = None) -> None:
        self._socket = socket
        self._tls = tls
        self._connections: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._flows = asyncio.Event()
        self._flows.set()
        self.port = 0

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "localhost", self.port, ssl=self._tls, family=AF_INET)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Refuses new connections and ends the old ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._connections:
            writer.transport.abort()

    def silence(self) -> None:
        """Takes everything and answers nothing, as a frozen server does."""
        self._flows.clear()

    def speak(self) -> None:
        self._flows.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(self._socket)
        self._connections |= {writer, back}
        await asyncio.gather(self._pump(reader, back), self._pump(there, writer), return_exceptions=True)
        self._connections -= {writer, back}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await self._flows.wait()
            writer.write(data)
            await writer.drain()
        writer.close()
