import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../../../src/config/load.ts';

/** Each row: what is wrong, the file, and every problem as `line:column path: message`. */
const rows: readonly (readonly [string, string, readonly string[]])[] = [
  [
    'an unknown key, with the nearest known one',
    `version: 1
listen: [{ address: 127.0.0.1 }]
primarys: {}
zone-defaults: { max-record: 5 }
keys: { k: { sekret: QUJD } }`,
    [
      '3:1 primarys: unknown key `primarys`; did you mean `primaries`?',
      '4:18 zone-defaults.max-record: unknown key `max-record`; did you mean `max-records`?',
      '5:9 keys.k: the secret is missing; expected `secret` or `secret-file`',
      '5:14 keys.k.sekret: unknown key `sekret`; did you mean `secret`?',
    ],
  ],
  [
    'an unknown key that is near to nothing: the known ones are listed',
    `version: 1
listen: [{ address: 127.0.0.1 }]
threads: { quux: 3 }`,
    ['3:12 threads.quux: unknown key `quux`; expected `front` or `pool`'],
  ],
  [
    'a key that belongs elsewhere',
    `version: 1
listen: [{ address: 127.0.0.1 }]
rules:
  - action: allow
    rate: 10/m
    source: 127.0.0.1
fudge: 300s`,
    [
      '5:5 rules[0].rate: misplaced key `rate`; it belongs in `rules[].limits`',
      '6:5 rules[0].source: misplaced key `source`; it belongs in `rules[].match`',
      '7:1 fudge: misplaced key `fudge`; it belongs in `keys.NAME` or `sig0-keys.NAME`',
    ],
  ],
  [
    'names that refer to nothing, with the nearest known one',
    `version: 1
listen: [{ address: 127.0.0.1, transport: tls, certificate: mian }]
certificates: { main: { cert-file: server.pem, key-file: server.key } }
keys: { sec1-key: { secret: ${'A'.repeat(43)}= } }
primaries: { hidden: { addresses: [192.0.2.1], key: sec1-kex } }
secondaries: { sec1: { key: sec2-key } }
zones:
  example.org: { primary: hiden, primary-key: nothing-like-it, secondaries: [sec1, sec9] }
  example.net:
rules: [{ match: { key: [sec1-key, sec1key] }, action: allow }]`,
    [
      '2:61 listen[0].certificate: `mian` is not one of `certificates`; did you mean `main`?',
      '3:36 certificates.main.cert-file: `server.pem` cannot be read: there is no such file',
      '3:58 certificates.main.key-file: `server.key` cannot be read: there is no such file',
      '5:53 primaries.hidden.key: `sec1-kex` is not one of `keys`; did you mean `sec1-key`?',
      '6:29 secondaries.sec1.key: `sec2-key` is not one of `keys`; did you mean `sec1-key`?',
      '8:27 zones["example.org"].primary: `hiden` is not one of `primaries`; did you mean `hidden`?',
      '8:47 zones["example.org"].primary-key: `nothing-like-it` is not one of `keys`; expected one of `keys`',
      '8:84 zones["example.org"].secondaries[1]: `sec9` is not one of `secondaries`; did you mean `sec1`?',
      '9:3 zones["example.net"]: `primary` is missing; expected the name of one of `primaries`, here or in `zone-defaults`',
      '10:36 rules[0].match.key[1]: `sec1key` is not one of `keys`; did you mean `sec1-key`?',
    ],
  ],
  [
    'values of the wrong form, each with what was expected',
    `version: 2
listen:
  - { address: 127.0.0.300, port: 70000, transport: sctp }
  - port: 53
limits: { idle-timeout: 30, connections: many, message-timeout: 10x }
zone-defaults: { frame-size: 64KB, refresh-jitter: 10, max-bytes: 8GiB, timers: { retry-min: 2h } }
log: { level: warning, format: [json] }
threads: { front: 0 }
admin: { listen: localhost }`,
    [
      '1:10 version: expected 1, not `2`',
      '3:16 listen[0].address: expected an IP address such as `192.0.2.1` or `2001:db8::1`, not `127.0.0.300`',
      '3:35 listen[0].port: expected a whole number from 0 to 65535, not `70000`',
      '3:53 listen[0].transport: expected `tcp` or `tls`, not `sctp`',
      '4:5 listen[1].address: `address` is missing; expected an IP address',
      '5:25 limits.idle-timeout: expected a duration such as `500ms`, `30s`, `5m`, `2h` or `1d`, not `30`',
      '5:42 limits.connections: expected a whole number from 1 to 1000000, not `many`',
      '5:65 limits.message-timeout: expected a duration such as `500ms`, `30s`, `5m`, `2h` or `1d`, not `10x`',
      '6:30 zone-defaults.frame-size: expected a size from `512B` to `16000B`, not `64KB`',
      '6:52 zone-defaults.refresh-jitter: expected a percentage from `0%` to `100%`, not `10`',
      '6:67 zone-defaults.max-bytes: expected a size such as `16000B`, `64KB`, `256MB` or `8GB` (powers of ten), not `8GiB`',
      '6:94 zone-defaults.timers.retry-min: `retry-min` (2h) is longer than `retry-max` (1h)',
      '7:15 log.level: expected `trace`, `debug`, `info`, `warn`, `error` or `fatal`, not `warning`',
      '7:32 log.format: expected `json` or `text`, not a list',
      '8:19 threads.front: expected `auto` or a whole number from 1 to 1024, not `0`',
      '9:18 admin.listen: expected an address with its port such as `127.0.0.1:8053` or `[::1]:8053`, not `localhost`',
    ],
  ],
  [
    'networks with bits after the prefix: the network that was meant',
    `version: 1
listen: [{ address: 127.0.0.1 }]
primaries: { p: { addresses: ["192.0.2.1:99999"], notify-from: 192.0.2.1/33 } }
rules:
  - { match: { source: [10.1.2.3/8, "2001:db8::1/32", example.org] }, action: allow }`,
    [
      '3:31 primaries.p.addresses[0]: expected an IP address, with a port if you like, such as `192.0.2.1`, `192.0.2.1:53` or `[2001:db8::1]:53`, not `192.0.2.1:99999`',
      '3:64 primaries.p.notify-from: expected a prefix length of 0 to 32 in `192.0.2.1/33`, not `192.0.2.1/33`',
      '5:25 rules[0].match.source[0]: `10.1.2.3/8` has bits set after its prefix; expected `10.0.0.0/8`',
      '5:37 rules[0].match.source[1]: `2001:db8::1/32` has bits set after its prefix; expected `2001:db8::/32`',
      '5:55 rules[0].match.source[2]: expected an address or a network such as `192.0.2.0/24` or `2001:db8::/32`, not `example.org`',
    ],
  ],
  [
    'what is given twice',
    `version: 1
listen:
  - { address: "::1", port: 5300 }
  - { address: "0:0:0:0:0:0:0:1", port: 5300 }
  - { address: 127.0.0.1, port: 0 }
  - { address: 127.0.0.1, port: 0 }
primaries: { p: { addresses: [192.0.2.1] } }
zone-defaults: { primary: p }
zones:
  example.org:
  Example.ORG.:
rules:
  - { name: one, action: allow }
  - { name: one, action: refuse }
  - { name: rule-4, action: refuse }
  - { action: refuse }`,
    [
      '4:5 listen[1]: the same address and port as listen[0]',
      '11:3 zones["Example.ORG."]: the same name as `example.org`',
      '14:13 rules[1].name: `one` is the name of rules[0] as well',
      '16:5 rules[3].name: `rule-4` is the name of rules[2] as well',
    ],
  ],
  [
    'a key twice in one mapping',
    `version: 1
listen: [{ address: 127.0.0.1 }]
zones:
  example.org: {}
  example.org: {}`,
    ['5:3 duplicate key `example.org`'],
  ],
  [
    'text that is not YAML',
    'version: 1\nlisten: [{ address: 127.0.0.1 }\nkeys: {',
    ['3:1 not YAML: ', '3:8 not YAML: '],
  ],
  [
    'a list in place of a configuration',
    '- 1\n- 2',
    ['1:1 expected a mapping (version, listen, certificates, keys, sig0-keys, ...), not a list'],
  ],
  [
    'an empty file',
    '',
    ['1:1 version: `version` is missing; expected 1', '1:1 listen: `listen` is missing; expected a list of listeners'],
  ],
  [
    'keys that do not go together',
    `version: 1
listen:
  - { address: 127.0.0.1, certificate: main, alpn: optional }
  - { address: 127.0.0.2, transport: tls, udp: true }
certificates: {}
keys:
  k: { secret: ${'A'.repeat(43)}=, secret-file: keys/k }
primaries:
  both: { addresses: [192.0.2.1], zone-files: zones }
  none: {}
  watched: { addresses: [192.0.2.1], watch: true }
  mixed: { addresses: [192.0.2.1, "2001:db8::1"], source-address: 192.0.2.9 }`,
    [
      '3:27 listen[0].certificate: `certificate` goes with `transport: tls` only',
      '3:40 listen[0].certificate: `main` is not one of `certificates`; `certificates` has none',
      '3:46 listen[0].alpn: `alpn` goes with `transport: tls` only',
      '4:5 listen[1]: `certificate` is missing; expected the name of one of `certificates`, as the transport is tls',
      '4:43 listen[1].udp: `udp` goes with `transport: tcp` only',
      '7:3 keys.k: expected `secret` or `secret-file`, not both',
      '9:11 primaries.both.addresses: expected `addresses` or `zone-files`, not both',
      '10:3 primaries.none: expected `addresses` (servers) or `zone-files` (a folder)',
      '11:38 primaries.watched.watch: `watch` goes with `zone-files` only',
      '12:35 primaries.mixed.addresses[1]: not of the same family as `source-address` (192.0.2.9); expected IPv4',
    ],
  ],
  [
    'secondaries: what is wrong with where, how and how often they are told',
    `version: 1
listen: [{ address: 127.0.0.1 }]
keys: { k: { secret: ${'A'.repeat(43)}= } }
secondaries:
  where: { notify: true, sources: 192.0.2.1/24 }
  family: { address: "2001:db8::7", source-address: 192.0.2.9 }
  how: { address: 192.0.2.7, transport: https, edns: maybe }
  who: { address: 192.0.2.8, transport: tls }
  whom: { address: 192.0.2.9, transport: tls, tls: { name: a.example, certificate: mine, pins: [x] } }
  plain: { address: 192.0.2.10, tls: { pins: [] } }
  often: { address: 192.0.2.11, notify-retry: { tries: 0, timeout: 5, backoff: 0.5, quota: 1 }, notify-delay: -1s }
  keyed: { address: 192.0.2.12, key: [k, kk] }
  later: { address: 192.0.2.13, weight: 0, certificate: { pins: [x] } }`,
    [
      '5:12 secondaries.where.notify: expected `address` beside it',
      '5:35 secondaries.where.sources: `192.0.2.1/24` has bits set after its prefix; expected `192.0.2.0/24`',
      '6:22 secondaries.family.address: not of the same family as `source-address` (192.0.2.9); expected IPv4',
      '7:41 secondaries.how.transport: expected `udp`, `tcp` or `tls`, not `https`',
      '7:54 secondaries.how.edns: expected `true` or `false`, not `maybe`',
      '8:30 secondaries.who.transport: nothing tells who the server is; expected `name` with `ca-file`, or `pins`, in `tls`',
      '9:54 secondaries.whom.tls.name: expected `ca-file` beside it',
      '9:84 secondaries.whom.tls.certificate: `mine` is not one of `certificates`; `certificates` has none',
      '9:97 secondaries.whom.tls.pins[0]: expected a pin: 44 characters of base64, as `zonegate cert pin` prints them, not `x`',
      '10:33 secondaries.plain.tls: `transport` is missing; expected `transport: tls` beside it',
      '10:33 secondaries.plain.tls: nothing tells who the server is; expected `name` with `ca-file`, or `pins`, in `tls`',
      '11:56 secondaries.often.notify-retry.tries: expected a whole number from 1 to 100, not `0`',
      '11:68 secondaries.often.notify-retry.timeout: expected a duration such as `500ms`, `30s`, `5m`, `2h` or `1d`, not `5`',
      '11:80 secondaries.often.notify-retry.backoff: expected a number from 1 to 10, not `0.5`',
      '11:85 secondaries.often.notify-retry.quota: unknown key `quota`; expected `tries`, `timeout` or `backoff`',
      '11:111 secondaries.often.notify-delay: expected a duration such as `500ms`, `30s`, `5m`, `2h` or `1d`, not `-1s`',
      '12:42 secondaries.keyed.key[1]: `kk` is not one of `keys`; did you mean `k`?',
      '13:41 secondaries.later.weight: expected a whole number from 1 to 1000, not `0`',
      '13:66 secondaries.later.certificate.pins[0]: expected a pin: 44 characters of base64, as `zonegate cert pin` prints them, not `x`',
    ],
  ],
  [
    'names that are no domain names',
    `version: 1
listen: [{ address: 127.0.0.1 }]
keys: { "a..b": { secret: ${'A'.repeat(43)}= } }
primaries: { p: { addresses: [192.0.2.1] } }
zones:
  ${'x'.repeat(64)}.example: { primary: p }
  "bad\\\\999.example": { primary: p }
rules: [{ match: { zone: [a..b, "*.x..y"] }, action: drop }]`,
    [
      '3:9 keys["a..b"]: expected a domain name: it has an empty label',
      `6:3 zones["${'x'.repeat(64)}.example"]: expected a domain name: a label has more than 63 octets`,
      '7:3 zones["bad\\\\999.example"]: expected a domain name: it has a bad escape; expected `\\DDD` or `\\X`',
      '8:27 rules[0].match.zone[0]: expected a domain name: it has an empty label, not `a..b`',
      '8:33 rules[0].match.zone[1]: expected a domain name: it has an empty label, not `*.x..y`',
    ],
  ],
  [
    'a primary over TLS that nothing is known of, or half of it',
    `version: 1
listen: [{ address: 127.0.0.1 }]
primaries:
  bare: { addresses: [192.0.2.1], transport: tls }
  empty: { addresses: [192.0.2.1], transport: tls, tls: { pins: [] } }
  named: { addresses: [192.0.2.1], transport: tls, tls: { name: a.example } }
  issued: { addresses: [192.0.2.1], transport: tls, tls: { ca-file: ca.pem, pins: [${'A'.repeat(43)}=] } }
  unclear: { addresses: [192.0.2.1], tls: { pins: [${'A'.repeat(43)}=] } }
  wrong: { addresses: [192.0.2.1], transport: tls, tls: { pins: [AAAA, abc!], certificate: main, alpn: dot } }
  folder: { zone-files: zones, tls: { pins: [] }, connections: 2 }
  many: { addresses: [192.0.2.1], connections: 0, queries-per-second: 10/s, pipeline: 1.5, notify-key: nobody }`,
    [
      '4:35 primaries.bare.transport: nothing tells who the server is; expected `name` with `ca-file`, or `pins`, in `tls`',
      '5:52 primaries.empty.tls: nothing tells who the server is; expected `name` with `ca-file`, or `pins`, in `tls`',
      '6:59 primaries.named.tls.name: expected `ca-file` beside it',
      '7:60 primaries.issued.tls.ca-file: expected `name` beside it',
      '7:69 primaries.issued.tls.ca-file: `ca.pem` cannot be read: there is no such file',
      '8:38 primaries.unclear.tls: `transport` is missing; expected `transport: tls` beside it',
      '9:66 primaries.wrong.tls.pins[0]: expected a pin: 44 characters of base64, as `zonegate cert pin` prints them, not `AAAA`',
      '9:72 primaries.wrong.tls.pins[1]: expected a pin: 44 characters of base64, as `zonegate cert pin` prints them, not `abc!`',
      '9:92 primaries.wrong.tls.certificate: `main` is not one of `certificates`; `certificates` has none',
      '9:104 primaries.wrong.tls.alpn: expected `required` or `optional`, not `dot`',
      '10:32 primaries.folder.tls: `tls` goes with `addresses` only',
      '10:51 primaries.folder.connections: `connections` goes with `addresses` only',
      '11:48 primaries.many.connections: expected a whole number from 1 to 100, not `0`',
      '11:71 primaries.many.queries-per-second: expected a whole number from 1 to 1000000, not `10/s`',
      '11:87 primaries.many.pipeline: expected a whole number from 1 to 1000, not `1.5`',
      '11:104 primaries.many.notify-key: `nobody` is not one of `keys`; `keys` has none',
    ],
  ],
  [
    'catalogs without what they need, and what is for catalogs elsewhere',
    `version: 1
listen: [{ address: 127.0.0.1 }]
primaries: { p: { addresses: [192.0.2.1] } }
zone-defaults: { catalog-members: [a] }
catalog-templates:
  gold: { primary: p, catalog-role: interpret }
  nowhere: { dnssec: { min-validity: 1d } }
zones:
  a: { primary: p, catalog-role: interpret }
  b: { primary: p, catalog-template: { default: gold } }
  c: { primary: p, catalog-role: interpret, catalog-template: { default: golt, groups: { x: other } } }
  d: { primary: p, catalog-role: interpret, catalog-template: { groups: {} }, catalog-max-members: 0 }
  e: { primary: p, catalog-role: interpret, catalog-template: { default: gold }, catalog-members: ["a..b"] }`,
    [
      '4:18 zone-defaults.catalog-members: `catalog-members` goes with one of `zones` only',
      '6:23 catalog-templates.gold.catalog-role: `catalog-role` goes with one of `zones` only',
      '7:3 catalog-templates.nowhere: `primary` is missing; expected the name of one of `primaries`, here or in `zone-defaults`',
      '7:24 catalog-templates.nowhere.dnssec.min-validity: `min-validity` goes with one of `zones` only',
      '9:34 zones.a.catalog-role: `catalog-template` is missing; expected `{ default: NAME }`, the name of one of `catalog-templates`',
      '10:20 zones.b.catalog-template: `catalog-template` goes with `catalog-role: interpret` only',
      '11:74 zones.c.catalog-template.default: `golt` is not one of `catalog-templates`; did you mean `gold`?',
      '11:93 zones.c.catalog-template.groups.x: `other` is not one of `catalog-templates`; expected one of `catalog-templates`',
      '12:63 zones.d.catalog-template.default: `default` is missing; expected the name of one of `catalog-templates`',
      '12:100 zones.d.catalog-max-members: expected a whole number from 1 to 10000000, not `0`',
      '13:100 zones.e.catalog-members[0]: expected a domain name: it has an empty label, not `a..b`',
    ],
  ],
  [
    'catalogs that are made here',
    `version: 1
listen: [{ address: 127.0.0.1 }]
primaries: { p: { addresses: [192.0.2.1] } }
zones:
  a: { catalog-role: generate, primary: p }
  b: { catalog-role: generate, catalog-zone: B. }
  c: { primary: p, catalog-zone: d, catalog-group: gold }
  d: { primary: p, catalog-group: gold }
  e: { primary: p, catalog-zone: A., catalog-group: "" }`,
    [
      '5:32 zones.a.primary: `primary` goes with zones that are not generated only',
      '6:46 zones.b.catalog-zone: a catalog does not list itself',
      '7:34 zones.c.catalog-zone: `d` is none: `catalog-zone` goes with the name of a zone with `catalog-role: generate` only',
      '8:20 zones.d.catalog-group: `catalog-group` goes with `catalog-zone` only',
      '9:53 zones.e.catalog-group: expected a group of 1 to 255 characters of ASCII, not ``',
    ],
  ],
  [
    'members that would pass for validated',
    `version: 1
listen: [{ address: 127.0.0.1 }]
primaries: { p: { addresses: [192.0.2.1] } }
zone-defaults: { primary: p, dnssec: { validation: true, trust-anchors: ["a. DS 1 13 2 ${'ab'.repeat(32)}"] } }
catalog-templates: { one: {}, two: { dnssec: { validation: false } } }`,
    [
      '5:22 catalog-templates.one: members are not validated, and `zone-defaults` wants it; expected `dnssec: { validation: false }` here',
    ],
  ],
  [
    'a rule that says what its action does not take, and what cannot be matched',
    `version: 1
listen: [{ address: 127.0.0.1, port: 5300 }]
rules:
  - { action: allow, answer: { text: no }, delay: { by: 1s } }
  - { match: { listener: "127.0.0.1:5301", time: { from: "25:00", zone: Mars } }, action: refuse }
  - { match: { source: "set:lab", certificate: { pins: [abc] } }, action: delay, limits: { per: colour } }`,
    [
      '4:22 rules[0].answer: `answer` goes with `action: refuse` only',
      '4:44 rules[0].delay: `delay` goes with `action: delay` only',
      '5:26 rules[1].match.listener: `127.0.0.1:5301` is not one of `listen`; expected `127.0.0.1:5300`',
      '5:58 rules[1].match.time.from: expected a time such as `06:30`, not `25:00`',
      '5:73 rules[1].match.time.zone: `Mars` is not a time zone; expected one such as `UTC` or `Europe/Berlin`',
      '6:24 rules[2].match.source: `lab` is not one of `prefix-sets`; `prefix-sets` has none',
      '6:57 rules[2].match.certificate.pins[0]: expected a pin: 44 characters of base64, as `zonegate cert pin` prints them, not `abc`',
      '6:97 rules[2].limits.per: expected `source`, `key`, `certificate` or `zone`, or prefix lengths such as `{ ipv4: 24, ipv6: 56 }`, not `colour`',
    ],
  ],
  [
    'prefix sets',
    `version: 1
listen: [{ address: 127.0.0.1 }]
prefix-sets:
  none: {}
  two: { file: a.txt, url: "http://127.0.0.1/" }
  timed: { file: a.txt, refresh: 1m }
  odd: { url: "ftp://user@host/", refresh: 0s, timeout: 25d }`,
    [
      '4:3 prefix-sets.none: expected `file` or `url`',
      '5:3 prefix-sets.two: expected `file` or `url`, not both',
      '5:16 prefix-sets.two.file: `a.txt` cannot be read: there is no such file',
      '6:18 prefix-sets.timed.file: `a.txt` cannot be read: there is no such file',
      '6:25 prefix-sets.timed.refresh: `refresh` goes with `url` only',
      '7:15 prefix-sets.odd.url: expected an http or https URL, without a user and without `#`, not `ftp://user@host/`',
      '7:44 prefix-sets.odd.refresh: expected a duration from 1s to 24d, not `0s`',
      '7:57 prefix-sets.odd.timeout: expected a duration from 100ms to 24d, not `25d`',
    ],
  ],
  [
    'keys that cannot be used so',
    `version: 1
listen: [{ address: 127.0.0.1 }]
keys: { k: { algorithm: hmac-sha512, secret: "${'A'.repeat(86)}==", truncation: 128 } }
sig0-keys: { a.example: { key-file: none.key } }
rules: [{ match: { sig0: b.example }, action: allow }]`,
    [
      '3:150 keys.k.truncation: hmac-sha512 has MACs of 512 bits; expected at least half of that and less than all, or `none`',
      '4:37 sig0-keys["a.example"].key-file: `none.key` cannot be read: there is no such file',
      '5:26 rules[0].match.sig0: `b.example` is not one of `sig0-keys`; did you mean `a.example`?',
    ],
  ],
  [
    'a zone that cannot be relayed',
    `version: 1
listen: [{ address: 127.0.0.1 }]
primaries: { f: { zone-files: zones } }
zones: { example.org: { primary: f, mode: relay, relay: { unknown-keys: drop } } }`,
    [
      '4:43 zones["example.org"].mode: `f` is a folder, which answers no requests; expected `mode: mirror`',
      '4:73 zones["example.org"].relay.unknown-keys: expected `forward` or `refuse`, not `drop`',
    ],
  ],
  [
    'what a later version brings',
    `version: 1
listen: [{ address: 127.0.0.1 }]
primaries: { p: { addresses: [192.0.2.1] } }
zones: { "*": { primary: p }, example.org: { primary: p, mode: on-demand } }
rules: [{ action: delay, shadow: true }]
store: { type: redis, url: redis://127.0.0.1 }
audit: { file: audit.jsonl }`,
    [
      '4:10 zones["*"]: `*` (zones on demand) is not available yet; expected a zone\'s name',
      '4:64 zones["example.org"].mode: `on-demand` is not available yet; expected `mirror` or `relay`',
      '6:16 store.type: `redis` is not available yet; expected `memory` or `lmdb`',
      '6:23 store.url: `url` is not available yet',
    ],
  ],
];

for (const [what, text, expected] of rows) {
  test(`${what}`, () => {
    const found = problemsOf(text);

    assert.equal(found.length, expected.length, found.join('\n'));
    found.forEach((line, index) => {
      assert.ok(
        line === expected[index] || startsAlike(line, expected[index] ?? ''),
        `${line}\nexpected: ${expected[index]}`,
      );
    });
  });
}

test('no error shows a secret, however it is misplaced', () => {
  const secret = 'VerySecretIndeed';
  const texts = [
    `keys: { k: { secret: ${secret}! } }`,
    `keys: { k: { secrets: ${secret} } }`,
    `keys: { k: ${secret} }`,
    `keys: ${secret}`,
    `keys: [{ name: k, secret: ${secret} }]`,
    `keys: { k: { secret: [${secret}] } }`,
    `keys: { k: { secret: "${secret}" "${secret}" } }`,
    `keys:\n  k:\n    secret: "AAAA\n  ${secret}: x`,
    `keys: { k: { secret: *${secret} } }`,
    `keys: { k: { secret: !${secret} x } }`,
    `keys: { k: { secret-file: there } }`,
  ];
  for (const text of texts) {
    const loaded = parseConfig(
      `version: 1\nlisten: [{ address: 127.0.0.1 }]\n${text}`,
      'test.yaml',
      () => `${secret} more`,
      0,
    );

    assert.equal(loaded.ok, false, text);
    assert.ok(!JSON.stringify(loaded).includes(secret), JSON.stringify(loaded));
  }
});

test('aliases that multiply end in an error, not in memory', () => {
  const levels = Array.from(
    { length: 12 },
    (_, level) => `a${level + 1}: &a${level + 1} [${`*a${level}, `.repeat(9)}]`,
  );

  const found = problemsOf(`a0: &a0 [x]\n${levels.join('\n')}\nversion: 1`);

  assert.ok(found.length > 0);
});

function problemsOf(text: string): string[] {
  const loaded = parseConfig(text, 'test.yaml', noFile, 0);
  if (loaded.ok) return [];
  return loaded.problems.map(
    ({ line, column, path, message }) => `${line}:${column} ${path === '' ? '' : `${path}: `}${message}`,
  );
}

/** The end of a YAML error is the parser's wording. */
const startsAlike = (line: string, expected: string): boolean =>
  expected.endsWith('not YAML: ') && line.startsWith(expected);

function noFile(): never {
  throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
}
