/** Certificates for a test: a CA, and what it issues, as files. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CertificateKind, createCertificate, type PemPair, spkiPin } from '../../src/net/certificates.ts';

export interface TestCertificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly pin: string;
}

export class TestCa {
  readonly dir = mkdtempSync(join(tmpdir(), 'zonegate-ca-'));
  readonly caFile = join(this.dir, 'ca.pem');
  readonly #ca: PemPair;
  #issued = 0;

  constructor() {
    this.#ca = createCertificate({ kind: 'ca', names: ['test CA'], days: 10, now: new Date() });
    writeFileSync(this.caFile, this.#ca.certPem);
  }

  issue(kind: Exclude<CertificateKind, 'ca'>, names: readonly string[]): TestCertificate {
    const made = createCertificate({ kind, names, days: 5, issuer: this.#ca, now: new Date() });
    const base = join(this.dir, `${kind}-${this.#issued++}`);
    writeFileSync(`${base}.pem`, made.certPem);
    writeFileSync(`${base}.key`, made.keyPem, { mode: 0o600 });
    return { certFile: `${base}.pem`, keyFile: `${base}.key`, pin: spkiPin(made.certPem) };
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}
