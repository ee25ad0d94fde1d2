/** How a Kafka is reached: the config that source and sink share, and what of it the client is told. */
import { readFile, stat } from 'node:fs/promises';
import type { ConnectionOptions } from 'node:tls';
import type { KafkaConfig, SASLOptions } from 'kafkajs';
import { localPath } from '../../cloud/storage.ts';
import type { Config } from '../../config.ts';
import type { Reach } from '../../engine/component.ts';
import { SluiceError, systemCode } from '../../errors.ts';

/** Properties of the config of both components. */
export const connectionSchema = {
  bootstrap_servers: {
    type: 'string',
    pattern: '^[^,:\\s]+:\\d{1,5}(,[^,:\\s]+:\\d{1,5})*$',
    description: 'Brokers to begin with, `host:port`, separated by commas.',
  },
  authentication: {
    enum: ['NONE', 'TLS', 'SASL_PLAIN', 'SASL_SCRAM_256', 'SASL_SCRAM_512'],
    description:
      'How the job says who it is: not at all, by a certificate, or by name and password. Default: SASL_PLAIN with a ' +
      '`username`, TLS with a `keystore`, else NONE.',
  },
  username: { type: 'string', format: 'secret', description: 'The name for SASL.' },
  password: { type: 'string', format: 'secret', description: 'The password for SASL.' },
  tls: {
    type: 'boolean',
    description: 'Whether the connection is encrypted. Default: with any authentication, or a `truststore`.',
  },
  truststore: {
    type: 'string',
    minLength: 1,
    description: 'A PEM file of the certificates to trust, instead of those of the system.',
  },
  keystore: {
    type: 'string',
    minLength: 1,
    description: 'The certificate and key to show: a PKCS#12 file, or PEM with both.',
  },
  keystore_password: { type: 'string', format: 'secret', description: 'The password of a PKCS#12 keystore.' },
  key_password: {
    type: 'string',
    format: 'secret',
    description: 'The password of the key in a PEM keystore.',
  },
} as const;

export interface ConnectionSettings {
  bootstrap_servers: string;
  authentication?: 'NONE' | 'TLS' | 'SASL_PLAIN' | 'SASL_SCRAM_256' | 'SASL_SCRAM_512';
  username?: string;
  password?: string;
  tls?: boolean;
  truststore?: string;
  keystore?: string;
  keystore_password?: string;
  key_password?: string;
}

export const connectionReach = ({ truststore, keystore }: ConnectionSettings): Reach => ({
  network: true,
  reads: [truststore, keystore],
});

const MECHANISMS = {
  SASL_PLAIN: 'plain',
  SASL_SCRAM_256: 'scram-sha-256',
  SASL_SCRAM_512: 'scram-sha-512',
} as const;

/** What the client is told; refuses settings that do not go together, and files that cannot be used. */
export async function clientConfig(settings: ConnectionSettings, config: Config): Promise<KafkaConfig> {
  const { username, keystore, truststore } = settings;
  const implied = username !== undefined ? 'SASL_PLAIN' : keystore !== undefined ? 'TLS' : 'NONE';
  const authentication = settings.authentication ?? implied;
  const needsTls = authentication === 'TLS' || keystore !== undefined;
  const tls = settings.tls ?? (authentication !== 'NONE' || needsTls || truststore !== undefined);
  if (needsTls && !tls) throw fault('a keystore, or authentication TLS, needs tls');
  if (authentication === 'TLS' && keystore === undefined) throw fault('authentication TLS needs a keystore');
  return {
    brokers: settings.bootstrap_servers.split(','),
    clientId: 'sluice',
    connectionTimeout: 10_000,
    authenticationTimeout: 10_000,
    requestTimeout: 30_000,
    // What is tried again, and how long, is in our own table.
    retry: { retries: 2, initialRetryTime: 100, maxRetryTime: 1000 },
    ...(tls && { ssl: await tlsOptions(settings, config) }),
    ...(authentication !== 'NONE' &&
      authentication !== 'TLS' && { sasl: saslOptions(authentication, settings) }),
  };
}

function saslOptions(
  authentication: keyof typeof MECHANISMS,
  { username, password }: ConnectionSettings,
): SASLOptions {
  if (username === undefined || password === undefined)
    throw fault(`authentication ${authentication} needs username and password`);
  return { mechanism: MECHANISMS[authentication], username, password } as SASLOptions;
}

async function tlsOptions(settings: ConnectionSettings, config: Config): Promise<ConnectionOptions> {
  const { truststore, keystore, keystore_password, key_password } = settings;
  const options: ConnectionOptions = {};
  if (truststore !== undefined) options.ca = await pemFile(truststore, 'the truststore', config);
  if (keystore === undefined) return options;
  const bytes = await smallFile(keystore, 'the keystore', config);
  if (isPem(bytes)) {
    const passphrase = key_password ?? keystore_password;
    return { ...options, cert: bytes, key: bytes, ...(passphrase !== undefined && { passphrase }) };
  }
  refuseJks(bytes, keystore, '-importkeystore -deststoretype PKCS12');
  return {
    ...options,
    pfx: bytes,
    ...(keystore_password !== undefined && { passphrase: keystore_password }),
  };
}

async function pemFile(path: string, what: string, config: Config): Promise<Buffer> {
  const bytes = await smallFile(path, what, config);
  if (isPem(bytes)) return bytes;
  refuseJks(bytes, path, '-exportcert -rfc');
  throw fault(`${what} ${path} must be PEM: \`openssl pkcs12 -in FILE -nokeys\` makes it of PKCS#12`);
}

const isPem = (bytes: Buffer): boolean => bytes.includes('-----BEGIN ');

function refuseJks(bytes: Buffer, path: string, how: string): void {
  if (bytes.length >= 4 && bytes.readUInt32BE(0) === 0xfeedfeed)
    throw fault(
      `${path} is a Java keystore (JKS), which only Java reads: convert it with \`keytool ${how}\``,
    );
}

const MAX_FILE_BYTES = 1 << 20;

async function smallFile(path: string, what: string, config: Config): Promise<Buffer> {
  const local = localPath(path, config);
  try {
    const stats = await stat(local);
    if (!stats.isFile()) throw new Error('it is not a regular file');
    if (stats.size > MAX_FILE_BYTES) throw new Error(`it has more than ${MAX_FILE_BYTES} bytes`);
    return await readFile(local);
  } catch (error) {
    if (systemCode(error) === 'ENOENT')
      throw new SluiceError('INPUT_NOT_FOUND', `${what} ${path}: there is no such file`);
    const why = error instanceof Error ? error.message : String(error);
    throw new SluiceError('INPUT_UNREADABLE', `${what} ${path} cannot be read: ${why}`, { cause: error });
  }
}

const fault = (what: string): SluiceError => new SluiceError('PARAMETERS_INVALID', `Kafka: ${what}`);
