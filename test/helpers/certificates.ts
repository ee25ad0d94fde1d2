import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Certificates {
  /** In PEM, PKCS #8. */
  key: string;
  /** For `localhost` and 127.0.0.1, signed by itself: who trusts `ca` trusts it. */
  certificate: string;
  ca: string;
}

/** A key and a certificate for a server of a test. */
export function makeCertificates(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-test-'));
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const kind = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2'];
  try {
    execFileSync('openssl', ['req', ...kind, ...subject, '-keyout', key, '-out', certificate], {
      stdio: 'ignore',
    });
    const text = readFileSync(certificate, 'utf8');
    return { key: readFileSync(key, 'utf8'), certificate: text, ca: text };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
