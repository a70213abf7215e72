/** The limit: a bare Node server that writes the octets of a recorded transfer from one buffer. FILE [CERT KEY] */
import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

const [file, cert, key] = process.argv.slice(2) as [string, string?, string?];
const octets = readFileSync(file);
const serve = (socket: Socket): void => {
  socket.on('data', () => socket.write(octets));
  socket.on('error', () => undefined);
};
const server =
  cert === undefined || key === undefined
    ? createServer({ noDelay: true }, serve)
    : createTlsServer(
        { cert: readFileSync(cert), key: readFileSync(key), minVersion: 'TLSv1.3', ALPNProtocols: ['dot'] },
        serve,
      );
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify(server.address())));
