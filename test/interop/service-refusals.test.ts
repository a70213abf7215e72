/**
 * Who gets nothing from the service, as dig, kdig, ldns-notify and openssl of Debian 12 tell it: INTERFACE.md, "What
 * bad input gets". What no program can ask is asked with messages made by hand.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import {
  askOverTcp,
  askOverUdp,
  dig,
  digKey,
  kdig,
  runProgram,
  sendNotify,
  signMessage,
  tsigLength,
} from '../support/dns-clients.ts';
import { hasProgram, type PeerKey } from '../support/dns-peers.ts';
import { type RunningService, startService } from '../support/service.ts';
import { encodeMessage, optRecord } from '../support/transfer-messages.ts';
import { assertSameZone, parseZone, transferZone } from '../support/zone-compare.ts';

const ZONE = 'held.example';
const TEXT = '@ 60 IN SOA ns1 hostmaster 7 7200 900 1209600 300\n@ 60 IN NS ns1\nns1 60 IN A 192.0.2.1\n';
const KEY: PeerKey = { name: 'key', algorithm: 'hmac-sha256', secret: Buffer.alloc(32, 'a').toString('base64') };
const OTHER: PeerKey = { ...KEY, name: 'other', secret: Buffer.alloc(32, 'b').toString('base64') };
/** No rule is for it; all of 127.0.0.0/8 is ours to send from. */
const STRANGER = '127.0.0.3';
/** May transfer with KEY only, both of them. */
const KEYED = '127.0.0.2';
const NOTIFIER = '127.0.0.4';

let service: RunningService;
/** Of the listener with `alpn: optional`. */
let laxPort = 0;

before(async () => {
  const tls = { address: '127.0.0.1', port: 0, transport: 'tls', certificate: 'main' };
  service = await startService({
    files: { [`zones/${ZONE}`]: TEXT },
    config: {
      listen: [{ address: '127.0.0.1', port: 0 }, tls, { ...tls, alpn: 'optional' }],
      keys: Object.fromEntries([KEY, OTHER].map(({ name, algorithm, secret }) => [name, { algorithm, secret }])),
      primaries: { files: { 'zone-files': 'zones/' } },
      zones: { [ZONE]: { primary: 'files' }, 'absent.example': { primary: 'files' } },
      rules: [
        { name: 'notify', match: { source: '127.0.0.1', type: 'NOTIFY' }, action: 'allow' },
        { name: 'keyed', match: { source: [KEYED, NOTIFIER], key: KEY.name }, action: 'allow' },
        { name: 'all', match: { source: '127.0.0.1' }, action: 'allow' },
      ],
    },
  });
  const listen = (await service.event('ready'))['listen'] as { port: number; transport: string }[];
  laxPort = listen.filter(({ transport }) => transport === 'tls')[1]?.port ?? 0;
  await service.event('zone-updated');
});
after(async () => {
  await service.stop();
});

test('a stranger sees REFUSED with EDE 18, whatever the transport, the key and the zone', async (context) => {
  if (!hasProgram(context, 'dig')) return;
  const from = ['-b', STRANGER];
  const answers = await Promise.all([
    dig(service.port, 'SOA', ZONE, '+notcp', ...from),
    dig(service.port, 'SOA', ZONE, '+tcp', ...from),
    dig(service.tlsPort, 'SOA', ZONE, '+tls', ...from),
    dig(service.port, 'SOA', 'unknown.example', '+tcp', ...from),
    dig(service.port, 'SOA', ZONE, '+tcp', ...from, ...digKey({ ...KEY, name: 'nobody' })),
  ]);
  const transfer = await dig(service.port, 'AXFR', ZONE, ...from);
  const refused = await service.event('refused', (fields) => fields['client'] === STRANGER);

  for (const { stdout } of answers) {
    assert.match(stdout, /status: REFUSED/);
    assert.match(stdout, /EDE: 18 \(Prohibited\)/);
    assert.doesNotMatch(stdout, /ANSWER SECTION/);
  }
  assert.match(transfer.stdout, /^; Transfer failed\.$/m);
  assert.equal(refused['why'], 'no-rule');
});

test('a stranger without EDNS sees REFUSED without OPT; kdig says so of an AXFR', async (context) => {
  if (!hasProgram(context, 'dig') || !hasProgram(context, 'kdig')) return;
  const bare = await dig(service.port, 'SOA', ZONE, '+tcp', '+noedns', '-b', STRANGER);
  const transfer = await kdig(service.port, 'AXFR', ZONE, '-b', STRANGER);

  assert.match(bare.stdout, /status: REFUSED/);
  assert.match(bare.stdout, /ADDITIONAL: 0/);
  assert.doesNotMatch(bare.stdout, /OPT PSEUDOSECTION/);
  assert.match(transfer.stderr + transfer.stdout, /server replied with error 'REFUSED'/);
});

test('a client whose key is not allowed is refused with a signed answer; with the right key it is served', async (context) => {
  if (!hasProgram(context, 'dig')) return;
  const wrong = await dig(service.port, 'SOA', ZONE, '+tcp', '-b', KEYED, ...digKey(OTHER));
  const none = await dig(service.port, 'SOA', ZONE, '+tcp', '-b', KEYED);
  const right = await dig(service.port, 'AXFR', ZONE, '-b', KEYED, ...digKey(KEY));

  assert.match(wrong.stdout, /status: REFUSED/);
  assert.match(wrong.stdout, /EDE: 18 \(Prohibited\)/);
  assert.match(wrong.stdout, /^other\.\s+0\s+ANY\s+TSIG\s+hmac-sha256\. .* NOERROR 0/m);
  assert.doesNotMatch(wrong.stdout, /could not be validated/);
  assert.match(none.stdout, /status: REFUSED/);
  assertSameZone(parseZone(right.stdout.replaceAll(/^key\..*$/gm, ''), ZONE), parseZone(TEXT, ZONE));
});

test('a zone that is not held is NOTAUTH with EDE 20, one that is not loaded SERVFAIL with EDE 14', async (context) => {
  if (!hasProgram(context, 'dig')) return;
  const [unknown, below, absent] = await Promise.all([
    dig(service.port, 'SOA', 'unknown.example', '+tcp'),
    dig(service.port, 'SOA', `below.${ZONE}`, '+notcp'),
    dig(service.port, 'SOA', 'absent.example', '+tcp'),
  ]);

  for (const { stdout } of [unknown, below]) {
    assert.match(stdout, /status: NOTAUTH/);
    assert.match(stdout, /EDE: 20 \(Not Authoritative\)/);
  }
  assert.match(absent.stdout, /status: SERVFAIL/);
  assert.match(absent.stdout, /EDE: 14 \(Not Ready\)/);
});

test('other types and classes are REFUSED with EDE 21, other opcodes NOTIMP, EDNS 1 BADVERS', async (context) => {
  if (!hasProgram(context, 'dig')) return;
  const [type, chaos, status, version] = await Promise.all([
    dig(service.port, 'A', ZONE, '+tcp'),
    dig(service.port, 'SOA', 'CH', ZONE, '+notcp'),
    dig(service.port, 'SOA', ZONE, '+opcode=status', '+notcp'),
    dig(service.port, 'SOA', ZONE, '+edns=1', '+noednsnegotiation', '+tcp'),
  ]);

  for (const { stdout } of [type, chaos]) {
    assert.match(stdout, /status: REFUSED/);
    assert.match(stdout, /EDE: 21 \(Not Supported\)/);
  }
  assert.match(status.stdout, /status: NOTIMP/);
  assert.match(version.stdout, /status: BADVERS/);
});

test('an unknown key is NOTAUTH with BADKEY, a wrong secret BADSIG, both unsigned', async (context) => {
  if (!hasProgram(context, 'dig')) return;
  const unknown = await dig(service.port, 'SOA', ZONE, '+tcp', ...digKey({ ...KEY, name: 'nobody' }));
  const wrong = await dig(service.port, 'SOA', ZONE, '+notcp', ...digKey({ ...KEY, secret: OTHER.secret }));

  for (const [{ stdout }, error] of [
    [unknown, 'BADKEY'],
    [wrong, 'BADSIG'],
  ] as const) {
    assert.match(stdout, /status: NOTAUTH/);
    // Without a MAC: the length that stands before the id is 0.
    assert.match(stdout, new RegExp(`TSIG\\s+hmac-sha256\\. \\d+ 300 0 \\d+ ${error} 0`));
  }
});

test('a clock that is an hour off is NOTAUTH with BADTIME, signed, with our time', async () => {
  const time = Math.floor(Date.now() / 1000) - 3600;
  const query = encodeMessage({ flags: 0, question: { name: ZONE, type: 252 } });
  const signed = signMessage(KEY, query, { time });
  const requestMac = signed.subarray(signed.length - 38, signed.length - 6);

  const [answer, ...more] = await askOverTcp(service.port, signed);

  assert.ok(answer !== undefined && more.length === 0);
  const unsigned = Buffer.from(answer.subarray(0, answer.length - tsigLength(KEY) - 6));
  unsigned.writeUInt16BE(0, 10);
  const otherData = answer.subarray(answer.length - 6);
  assert.ok(Math.abs(otherData.readUIntBE(0, 6) - time - 3600) <= 5);
  assert.equal((unsigned[3] as number) & 0xf, 9);
  const right = signMessage(KEY, unsigned, { time, requestMac, error: 18, otherData });
  assert.equal(answer.toString('hex'), right.toString('hex'));
});

test('AXFR over UDP is FORMERR, as is an IXFR without its SOA, OPT in it where the query had one', async (context) => {
  if (!hasProgram(context, 'kdig')) return;
  const byKdig = await kdig(service.port, 'AXFR', ZONE, '+notcp');
  const question = { name: ZONE, type: 251 };
  const bare = await askOverUdp(service.port, encodeMessage({ flags: 0, question }));
  const withOpt = await askOverUdp(service.port, encodeMessage({ flags: 0, question, additionals: [optRecord()] }));

  assert.match(byKdig.stderr + byKdig.stdout, /server replied with error 'FORMERR'/);
  for (const [answer, additionals] of [
    [bare, 0],
    [withOpt, 1],
  ] as const) {
    assert.equal(answer.readUInt16BE(2), 0x8001);
    assert.deepEqual([answer.readUInt16BE(4), answer.readUInt16BE(10)], [1, additionals]);
  }
});

test('TLS 1.2 and an ALPN without `dot` are answered with alerts', async (context) => {
  if (!hasProgram(context, 'openssl')) return;
  const connect = ['s_client', '-connect', `127.0.0.1:${service.tlsPort}`];

  const old = await runProgram('openssl', [...connect, '-tls1_2', '-alpn', 'dot']);
  const web = await runProgram('openssl', [...connect, '-alpn', 'h2']);
  const dot = await runProgram('openssl', [...connect, '-alpn', 'dot', '-CAfile', service.caFile]);

  assert.match(old.stderr, /alert protocol version/);
  assert.match(web.stderr, /alert no application protocol/);
  assert.match(dot.stdout, /New, TLSv1\.3, Cipher is TLS_AES_128_GCM_SHA256/);
  assert.match(dot.stdout, /ALPN protocol: dot/);
  assert.match(dot.stdout, /Verify return code: 0 \(ok\)/);
});

test('TLS without ALPN is closed after the handshake where ALPN is required, and served where it is optional', async () => {
  const ca = readFileSync(service.caFile, 'utf8');

  const received = await new Promise<number>((resolve, reject) => {
    const socket = connectTls({ port: service.tlsPort, host: '127.0.0.1', servername: 'localhost', ca });
    let length = 0;
    socket.once('secureConnect', () => {
      assert.equal(socket.alpnProtocol, false);
      socket.write(
        Buffer.concat([Buffer.from([0, 30]), encodeMessage({ flags: 0, question: { name: ZONE, type: 6 } })]),
      );
    });
    socket.on('data', (data: Buffer) => (length += data.length));
    socket.setTimeout(3000, () => reject(new Error('the connection was not closed')));
    // A reset, where our query came after the close.
    socket.on('error', (error: NodeJS.ErrnoException) => error.code !== 'ECONNRESET' && reject(error));
    socket.once('close', () => resolve(length));
  });
  const tls = { ca, name: 'localhost', pins: [], alpn: false };
  const lax = await transferZone({ port: laxPort, zone: ZONE, tls });

  assert.equal(received, 0);
  assertSameZone(lax.records, parseZone(TEXT, ZONE));
});

test('ldns-notify: NOERROR for who may notify, signed or not; REFUSED for others, even those who may transfer', async (context) => {
  if (!hasProgram(context, 'ldns-notify')) return;

  const allowed = await sendNotify(service.port, ZONE, { serial: 8 });
  const signed = await sendNotify(service.port, ZONE, { key: KEY });
  const refused = await sendNotify(service.port, ZONE, { source: NOTIFIER, key: KEY });
  const event = await service.event('refused', (fields) => fields['client'] === NOTIFIER);

  const reply = ({ stdout }: { stdout: string }): string => stdout.slice(stdout.indexOf('# reply from'));
  assert.match(reply(allowed), /opcode: NOTIFY, rcode: NOERROR, id: \d+\n;; flags: qr aa ;/);
  assert.match(reply(signed), /opcode: NOTIFY, rcode: NOERROR/);
  assert.match(reply(signed), /TSIG\s+hmac-sha256\./);
  assert.match(reply(refused), /opcode: NOTIFY, rcode: REFUSED/);
  assert.deepEqual([event['transport'], event['identity'], event['zone']], ['udp', KEY.name, ZONE]);
});
