/** What a listener's own settings do: client certificates, the size of UDP answers. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { createCertificate } from '../../src/net/certificates.ts';
import { framed, startScriptedPrimary } from '../support/scripted-primary.ts';
import { type RunningService, startService } from '../support/service.ts';
import { encodeMessage, optRecord } from '../support/transfer-messages.ts';

const ZONE = 'example.org';
const SOA = encodeMessage({ flags: 0, question: { name: ZONE, type: 6 }, additionals: [optRecord()] });

async function withService(
  listen: readonly object[],
  files: Record<string, string>,
  run: (service: RunningService) => Promise<void>,
): Promise<void> {
  const primary = await startScriptedPrimary(ZONE, 1);
  const service = await startService({
    config: {
      listen,
      certificates: {
        main: {
          'cert-file': 'tls/cert.pem',
          'key-file': 'tls/key.pem',
          ...(files['ca.pem'] && { 'client-ca-file': 'ca.pem' }),
        },
      },
      primaries: { one: { addresses: [`127.0.0.1:${primary.port}`] } },
      zones: { [ZONE]: { primary: 'one' } },
      rules: [{ name: 'all', match: { source: '127.0.0.0/8' }, action: 'allow' }],
    },
    files,
  });
  try {
    await service.event('zone-updated');
    await run(service);
  } finally {
    await service.stop();
    await primary.stop();
  }
}

/** Whether a SOA query is answered. */
function isAnswered(port: number, client: { cert?: string; key?: string }): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(
      { host: '127.0.0.1', port, ALPNProtocols: ['dot'], rejectUnauthorized: false, ...client },
      () => socket.write(framed(SOA)),
    );
    socket.on('error', () => undefined);
    socket.once('data', () => {
      resolve(true);
      socket.destroy();
    });
    socket.once('end', () => socket.destroy());
    socket.once('close', () => resolve(false));
  });
}

for (const setting of ['optional', 'required'] as const) {
  test(`client-certificate: ${setting} lets in a certificate of its CA, none only where it is optional, and no other CA's`, async () => {
    const now = new Date();
    const ca = createCertificate({ kind: 'ca', names: ['good'], days: 2, now });
    const evil = createCertificate({ kind: 'ca', names: ['evil'], days: 2, now });
    const client = (issuer: typeof ca): { cert: string; key: string } => {
      const { certPem, keyPem } = createCertificate({
        kind: 'client',
        names: ['sec1.example.net'],
        days: 2,
        now,
        issuer,
      });
      return { cert: certPem, key: keyPem };
    };
    const listen = [
      { address: '127.0.0.1', port: 0, transport: 'tls', certificate: 'main', 'client-certificate': setting },
    ];

    await withService(listen, { 'ca.pem': ca.certPem }, async ({ tlsPort }) => {
      assert.equal(await isAnswered(tlsPort, client(ca)), true);
      assert.equal(await isAnswered(tlsPort, {}), setting === 'optional');
      assert.equal(await isAnswered(tlsPort, client(evil)), false);
    });
  });
}

test('udp-max-size is what the answers over UDP say in OPT', async () => {
  const listen = [{ address: '127.0.0.1', port: 0, transport: 'tcp', 'udp-max-size': 4096 }];
  await withService(listen, {}, async ({ port }) => {
    const socket = createSocket('udp4');
    socket.send(SOA, port, '127.0.0.1');
    const answer = await new Promise<Buffer>((resolve) => socket.once('message', resolve));
    socket.close();

    // An OPT without options ends the message: its class is eight octets before the end.
    assert.equal(answer.readUInt16BE(answer.length - 8), 4096);
    assert.equal(answer.readUInt16BE(2) & 0xf, 0);
  });
});
