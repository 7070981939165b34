"""A server that answers every request at once with the same user, so that only the client is measured."""

import asyncio
import sys

BODY = b'{"user":{"username":"sean"}}'
REPLY = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY


class Answering(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
        self.heard = b""

    def data_received(self, data):
        self.heard += data
        while b"\r\n\r\n" in self.heard:
            self.heard = self.heard.partition(b"\r\n\r\n")[2]
            self.transport.write(REPLY)


async def main():
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    with_uvloop = "--uvloop" in sys.argv
    if with_uvloop:
        import uvloop

        uvloop.run(main())
    else:
        asyncio.run(main())
