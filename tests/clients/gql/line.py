"""Somebody in between the client and the server, who can cut the line."""

import asyncio
from urllib.parse import urlparse


class Line:
    """`stage` is the server's ready file with addresses that lead through here."""

    @classmethod
    async def to(cls, ready):
        line = cls()
        line.upstream = urlparse(ready["graphqlUrl"])
        line.writers, line.up, line.opened = set(), True, 0
        server = await asyncio.start_server(line._connected, "127.0.0.1", 0)
        here = "%s:%d" % server.sockets[0].getsockname()[:2]
        line.server = server
        urls = {name: ready[name].replace(line.upstream.netloc, here) for name in ("graphqlUrl", "realtimeUrl")}
        line.stage = {**ready, **urls}
        return line

    def cut(self):
        """Breaks all connections, without a goodbye, and lets none through."""
        self.up = False
        for writer in list(self.writers):
            writer.transport.abort()

    def mend(self):
        self.up = True

    async def _connected(self, near_reader, near):
        if not self.up:
            near.transport.abort()
            return
        self.opened += 1
        far_reader, far = await asyncio.open_connection(self.upstream.hostname, self.upstream.port)
        self.writers |= {near, far}

        async def pump(reader, writer):
            try:
                while data := await reader.read(65536):
                    writer.write(data)
                    await writer.drain()
            except OSError:
                pass
            finally:
                writer.close()

        await asyncio.gather(pump(near_reader, far), pump(far_reader, near))
        self.writers -= {near, far}
