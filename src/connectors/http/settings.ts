/** What users may say of a connection, the same for every connector that speaks HTTP; and what is sent of it. */
import { readTextFile } from '../../cloud/storage.ts';
import type { Config } from '../../config.ts';
import { SluiceError } from '../../errors.ts';
import type { TlsSettings } from './client.ts';

/** Keys of a config for TLS and time. */
export const httpProperties = {
  ca_certificate: {
    type: 'string',
    description:
      'A file in PEM: who has signed the certificate of the server, where the system does not know.',
  },
  verify_certificate: {
    type: 'boolean',
    default: true,
    description: 'False takes any certificate: for tests.',
  },
  timeout_ms: {
    type: 'integer',
    minimum: 1,
    maximum: 3_600_000,
    default: 60_000,
    description: 'How long an answer may take before the request is sent again.',
  },
} as const;

export async function readTls(
  asked: { ca_certificate?: string; verify_certificate?: boolean },
  config: Config,
): Promise<TlsSettings> {
  const { ca_certificate: path, verify_certificate: verify = true } = asked;
  if (path === undefined) return { verify };
  const ca = await readTextFile(path, 'the certificate', config);
  if (!ca.includes('-----BEGIN CERTIFICATE-----'))
    throw new SluiceError('PARAMETERS_INVALID', `${path} is no certificate in PEM`);
  return { verify, ca };
}

/** The address of a server, which must be one of HTTP. What it holds of user and password is taken out. */
export function readUrl(text: string, what: string): { url: URL; user?: string; password?: string } {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.hostname === '')
    throw new SluiceError(
      'PARAMETERS_INVALID',
      `${what} must be an address such as https://host:9200, not '${withoutPassword(text)}'`,
    );
  const { username, password } = url;
  url.username = '';
  url.password = '';
  url.search = '';
  url.hash = '';
  return {
    url,
    ...(username !== '' && { user: decodeURIComponent(username), password: decodeURIComponent(password) }),
  };
}

const withoutPassword = (text: string): string => text.replace(/\/\/[^/@]*@/, '//***@').slice(0, 200);

export const basicAuthorization = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
