/**
 * What TLS listeners serve with: certificates as they were read last, and keys of session tickets. Keys are new each
 * lifetime, and whenever the rules change for who a client is: a session remembers a certificate that was good then.
 */
import { hkdfSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { Config, Listener } from '../config/config.ts';
import type { FrontTls } from '../front/messages.ts';
import type { InheritedSocket } from './sockets.ts';

type TlsConfig = Pick<Config, 'listen' | 'certificates' | 'tls' | 'rules' | 'secondaries'>;
type Material = Pick<FrontTls, 'certPem' | 'keyPem' | 'clientCaPem'>;

type OnChange = (listeners: readonly (FrontTls | undefined)[]) => void;

export interface TlsReload {
  /** Names of certificates that are others than before, */
  readonly replaced: readonly string[];
  /** and of those that stay as they were, each with a sentence why. */
  readonly kept: readonly { readonly certificate: string; readonly why: string }[];
}

export class TlsKeeper {
  readonly #sockets: readonly InheritedSocket[];
  readonly #onChange: OnChange;
  #config: TlsConfig;
  #materials: ReadonlyMap<string, Material>;
  #master = randomBytes(32);
  #timer: NodeJS.Timeout | undefined;

  /** Throws where a file cannot be read. `onChange` is not called for what is there at first. */
  constructor(config: TlsConfig, sockets: readonly InheritedSocket[], onChange: OnChange) {
    this.#sockets = sockets;
    this.#onChange = onChange;
    this.#config = config;
    this.#materials = new Map(certificatesOf(config).map((name) => [name, readMaterial(config, name)]));
    this.#startTimer();
  }

  /** In the order of the configuration's listeners; undefined for those without TLS. */
  get listeners(): readonly (FrontTls | undefined)[] {
    return this.#config.listen.map((listener, i) => {
      const material = this.#materials.get(listener.certificate ?? '');
      return listener.transport === 'tls' && material !== undefined ? this.#frontTls(listener, i, material) : undefined;
    });
  }

  /** The listeners stay as they are. */
  reload(next: Omit<TlsConfig, 'listen'>): TlsReload {
    const config = { ...next, listen: this.#config.listen };
    const materials = new Map(this.#materials);
    const replaced: string[] = [];
    const kept: { certificate: string; why: string }[] = [];
    for (const certificate of certificatesOf(config)) {
      try {
        const material = readMaterial(config, certificate);
        if (JSON.stringify(material) !== JSON.stringify(materials.get(certificate))) replaced.push(certificate);
        materials.set(certificate, material);
      } catch (error) {
        kept.push({ certificate, why: (error as Error).message });
      }
    }
    const before = whatSessionsRestOn(this.#config, this.#materials);
    const isTimerDue = config.tls.ticketLifetimeMs !== this.#config.tls.ticketLifetimeMs;
    this.#config = config;
    this.#materials = materials;
    if (whatSessionsRestOn(config, materials) !== before) this.#master = randomBytes(32);
    if (isTimerDue) this.#startTimer();
    this.#onChange(this.listeners);
    return { replaced, kept };
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #startTimer(): void {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => {
      this.#master = randomBytes(32);
      this.#onChange(this.listeners);
    }, this.#config.tls.ticketLifetimeMs).unref();
  }

  /**
   * Each listener has keys of its own: a session that began where no certificate is wanted must not go on where one is
   * required, as OpenSSL asks for none then.
   */
  #frontTls(listener: Listener, i: number, material: Material): FrontTls {
    const { ciphers, sessionTickets, ticketLifetimeMs } = this.#config.tls;
    const name = `${listener.host}#${this.#sockets[i]?.port ?? listener.port}`;
    return {
      ...material,
      clientCertificate: listener.clientCertificate,
      alpn: listener.alpn,
      ciphers: ciphers.join(':'),
      sessionTickets,
      sessionTimeoutS: Math.ceil(ticketLifetimeMs / 1000),
      ticketKeys: new Uint8Array(hkdfSync('sha256', this.#master, '', name, 48)),
    };
  }
}

const certificatesOf = ({ listen }: TlsConfig): string[] => [
  ...new Set(listen.flatMap(({ transport, certificate = '' }) => (transport === 'tls' ? [certificate] : []))),
];

/** Throws where OpenSSL will not serve with it: nobody would be served by half of it. */
function readMaterial({ certificates }: TlsConfig, name: string): Material {
  const files = certificates.get(name);
  if (files === undefined) throw new Error('it is no longer in the configuration');
  const material = {
    certPem: readFileSync(files.certFile, 'utf8'),
    keyPem: readFileSync(files.keyFile, 'utf8'),
    clientCaPem: files.clientCaFile === undefined ? undefined : readFileSync(files.clientCaFile, 'utf8'),
  };
  const { certPem: cert, keyPem: key, clientCaPem: ca } = material;
  createSecureContext({ cert, key, minVersion: 'TLSv1.3', ...(ca !== undefined && { ca }) });
  return material;
}

/** Authorities, and what is asked of certificates: names and pins. */
const whatSessionsRestOn = ({ rules, secondaries, tls }: TlsConfig, materials: ReadonlyMap<string, Material>): string =>
  JSON.stringify([
    Array.from(materials, ([name, { clientCaPem }]) => [name, clientCaPem]),
    rules.flatMap(({ name, match }) => (match.certificate === undefined ? [] : [[name, match.certificate]])),
    Array.from(secondaries.values(), ({ name, certificate }) => [name, certificate]),
    tls,
  ]);
