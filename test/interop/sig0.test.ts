/**
 * Requests signed with SIG(0) (RFC 2931): by Perl's Net::DNS::SEC, with keys that BIND's dnssec-keygen made, ECDSA P-256,
 * P-384, Ed25519 and RSA; and what becomes of those whose key, octets or time are wrong. Truncated TSIG, by dig.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { dig, runProgram } from '../support/dns-clients.ts';
import { type RunningService, startService } from '../support/service.ts';

const ZONE = '$ORIGIN example.org.\n@ 3600 IN SOA ns1 h 1 3600 600 86400 300\n@ IN NS ns1\nns1 IN A 192.0.2.1\n';
const ALGORITHMS = ['ECDSAP256SHA256', 'ECDSAP384SHA384', 'ED25519', 'RSASHA256'];
const SECRET = Buffer.alloc(64, 7).toString('base64');
const dir = mkdtempSync(join(tmpdir(), 'zonegate-sig0-'));
const nameOf = (algorithm: string): string => `${algorithm.toLowerCase()}.sec.example`;
let service: RunningService;

/** The base of the files that dnssec-keygen made. */
async function generate(algorithm: string, name: string): Promise<string> {
  const bits = algorithm.startsWith('RSA') ? ['-b', '2048'] : [];
  const words = ['-q', '-K', dir, '-T', 'KEY', '-n', 'HOST', '-a', algorithm, ...bits, name];
  const { stdout, stderr, status } = await runProgram('dnssec-keygen', words);
  assert.equal(status, 0, stderr);
  return stdout.trim();
}

/** Asks for the SOA over TCP; the response code, and the extended error's text. */
const SCRIPT = `
use Net::DNS; use Net::DNS::SEC; require Net::DNS::RR::SIG;
my ($port, $private, $shift, $spoil) = @ARGV;
my $packet = Net::DNS::Packet->new('example.org', 'SOA');
my $sig = Net::DNS::RR::SIG->create('', $private, sigin => time() + $shift, sigex => time() + $shift + 60);
$packet->push(additional => $sig);
my $data = $packet->data;
substr($data, -5, 1) ^= "\\x01" if $spoil;
use IO::Socket::INET;
my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Proto => 'tcp', Timeout => 5) or die;
print $socket pack('n', length $data), $data; $socket->flush;
read($socket, my $length, 2); read($socket, my $answer, unpack('n', $length));
my ($reply) = Net::DNS::Packet->new(\\$answer);
print $reply->header->rcode, "\\n";
`;

async function ask(private_: string, shift = 0, spoil = ''): Promise<string> {
  const words = ['-e', SCRIPT, `${service.port}`, join(dir, `${private_}.private`), `${shift}`, spoil];
  const { stdout, stderr } = await runProgram('perl', words);
  assert.notEqual(stdout, '', stderr);
  return stdout.trim();
}

const keys = new Map<string, string>();
before(async () => {
  for (const algorithm of ALGORITHMS) keys.set(algorithm, await generate(algorithm, nameOf(algorithm)));
  keys.set('stranger', await generate('ED25519', 'stranger.sec.example'));
  keys.set('other', await generate('ED25519', nameOf('ED25519')));
  service = await startService({
    files: { 'zones/example.org': ZONE },
    config: {
      primaries: { files: { 'zone-files': 'zones' } },
      zones: { 'example.org': { primary: 'files' } },
      keys: {
        'cut-key': { algorithm: 'hmac-sha256', secret: SECRET, truncation: 128 },
        'whole-key': { algorithm: 'hmac-sha256', secret: SECRET },
      },
      'sig0-keys': Object.fromEntries(
        ALGORITHMS.map((algorithm) => [
          nameOf(algorithm),
          { 'key-file': join(dir, `${keys.get(algorithm)}.key`), fudge: '5s' },
        ]),
      ),
      rules: [
        ...ALGORITHMS.map((algorithm) => ({ name: algorithm, match: { sig0: nameOf(algorithm) }, action: 'allow' })),
        { name: 'tsig', match: { key: ['cut-key', 'whole-key'] }, action: 'allow' },
      ],
    },
  });
  await service.event('zone-updated');
});
after(async () => {
  await service?.stop();
  rmSync(dir, { recursive: true, force: true });
});

for (const algorithm of ALGORITHMS) {
  test(`a request signed with ${algorithm} is its client's, one changed on its way is nobody's`, async () => {
    const key = keys.get(algorithm) ?? '';

    assert.equal(await ask(key), 'NOERROR');
    assert.equal(await ask(key, 0, 'spoil'), 'NOTAUTH');
  });
}

test('a key that is not known, another of the same name, and a time that is over are refused', async () => {
  const key = keys.get('ED25519') ?? '';

  assert.equal(await ask(keys.get('stranger') ?? ''), 'NOTAUTH');
  assert.equal(await ask(keys.get('other') ?? ''), 'NOTAUTH');
  assert.equal(await ask(key, -3600), 'NOTAUTH');
  assert.equal(await ask(key, 3600), 'NOTAUTH');
});

test('without a signature there is no rule', async () => {
  assert.match((await dig(service.port, 'SOA', 'example.org', '+tcp')).stdout, /REFUSED/);
});

test('the rules that did not match say so in hits: each key has had its own', async () => {
  const response = await fetch(`${service.adminUrl}/api/v1/rules`);
  const { rules } = (await response.json()) as { rules: { rule: string; hits: number }[] };

  assert.deepEqual(
    rules.filter(({ hits }) => hits > 0).map(({ rule }) => rule),
    ALGORITHMS,
  );
});

test('a truncated MAC is taken where its key says so, and is BADTRUNC, signed, where not', async () => {
  const cut = await dig(service.port, 'SOA', 'example.org', '+tcp', '-y', `hmac-sha256-128:cut-key:${SECRET}`);
  const refused = await dig(service.port, 'SOA', 'example.org', '+tcp', '-y', `hmac-sha256-128:whole-key:${SECRET}`);

  assert.match(cut.stdout, /status: NOERROR/);
  assert.doesNotMatch(cut.stdout + cut.stderr, /Couldn't verify|verify failure/);
  assert.match(refused.stdout, /BADTRUNC/);
});

test('the key files that dnssec-keygen writes are what the configuration takes', () => {
  const written = readdirSync(dir).filter((file) => file.endsWith('.key'));

  assert.equal(written.length, keys.size);
  for (const file of written) assert.match(readFileSync(join(dir, file), 'utf8'), / IN KEY 512 3 /);
});
