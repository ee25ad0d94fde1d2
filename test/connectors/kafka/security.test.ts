import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { connectKafka } from '../../../src/connectors/kafka/client.ts';
import { type ConnectionSettings, clientConfig } from '../../../src/connectors/kafka/settings.ts';
import { atEnd } from '../../helpers/at-end.ts';
import { makeCertificates } from '../../helpers/certificates.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';
import { missing } from '../../services/index.ts';
import { kafkaUser, startKafka } from '../../services/kafka.ts';
import { shared } from '../../services/service.ts';

const broker = shared(t => startKafka(t, { secured: true }));
const config = { home: '/nowhere' };

describe('connections to Kafka', { skip: missing('kafka') }, () => {
  for (const authentication of ['SASL_PLAIN', 'SASL_SCRAM_256', 'SASL_SCRAM_512'] as const) {
    it(`are made with ${authentication} over TLS`, async t => {
      const { saslSsl, ca } = await broker();
      const truststore = await fileOf(t, 'ca.pem', ca);
      await connect(t, { bootstrap_servers: saslSsl, authentication, truststore, ...kafkaUser });
    });

    it(`are refused for good with ${authentication} and a wrong password`, async t => {
      const { saslPlaintext } = await broker();
      const settings = { bootstrap_servers: saslPlaintext, authentication, tls: false, ...kafkaUser };
      await connect(t, settings);
      await assert.rejects(connect(t, { ...settings, password: 'wrong secret' }), (error: Error) => {
        assert.match(error.message, /^Kafka at 127\.0\.0\.1:\d+ does not let the job in: /);
        assert.ok(!error.message.includes('wrong secret'));
        return 'code' in error && error.code === 'AUTHENTICATION_FAILED';
      });
    });
  }

  it('are made with TLS alone, and refused where the certificate is not to be trusted', async t => {
    const { ssl, ca } = await broker();
    await connect(t, { bootstrap_servers: ssl, truststore: await fileOf(t, 'ca.pem', ca) });
    await assert.rejects(connect(t, { bootstrap_servers: ssl, tls: true }), {
      code: 'AUTHENTICATION_FAILED',
    });
    const other = await fileOf(t, 'other.pem', makeCertificates().ca);
    await assert.rejects(connect(t, { bootstrap_servers: ssl, truststore: other }), {
      code: 'AUTHENTICATION_FAILED',
    });
  });

  it('take a keystore of PEM, or of PKCS#12 with its password', async t => {
    const { ssl, ca } = await broker();
    const truststore = await fileOf(t, 'ca.pem', ca);
    const { key, certificate } = makeCertificates();
    const pem = await fileOf(t, 'client.pem', `${key}\n${certificate}`);
    await connect(t, { bootstrap_servers: ssl, truststore, keystore: pem });
    const p12 = join(await temporaryFolder(t), 'client.p12');
    execFileSync('openssl', ['pkcs12', '-export', '-in', pem, '-out', p12, '-passout', 'pass:hush']);
    await connect(t, { bootstrap_servers: ssl, truststore, keystore: p12, keystore_password: 'hush' });
  });
});

describe('settings of a connection to Kafka', () => {
  const at = { bootstrap_servers: 'a:1,b:2' };

  it('tell by what is given how the job says who it is', async t => {
    const none = await clientConfig(at, config);
    assert.deepEqual([none.brokers, none.ssl, none.sasl], [['a:1', 'b:2'], undefined, undefined]);
    const named = await clientConfig({ ...at, username: 'u', password: 'p' }, config);
    assert.deepEqual(named.sasl, { mechanism: 'plain', username: 'u', password: 'p' });
    assert.ok(named.ssl, 'a password is not sent in the clear unless that is asked for');
    const { key, certificate } = makeCertificates();
    const keystore = await fileOf(t, 'client.pem', `${key}\n${certificate}`);
    assert.ok((await clientConfig({ ...at, keystore }, config)).ssl);
  });

  const faults: [what: string, settings: Partial<ConnectionSettings>, message: RegExp][] = [
    ['a name without a password', { username: 'u' }, /needs username and password/],
    ['SCRAM without a name', { authentication: 'SASL_SCRAM_512' }, /needs username and password/],
    ['TLS without a keystore', { authentication: 'TLS' }, /needs a keystore/],
    ['a keystore without TLS', { keystore: '/x', tls: false }, /needs tls/],
  ];
  for (const [what, settings, message] of faults)
    it(`refuse ${what}`, async () => {
      await assert.rejects(clientConfig({ ...at, ...settings }, config), {
        code: 'PARAMETERS_INVALID',
        message,
      });
    });

  it('refuse files that cannot be used, by name', async t => {
    const jks = await fileOf(t, 'trust.jks', Buffer.from([0xfe, 0xed, 0xfe, 0xed, 0, 0]));
    await assert.rejects(
      clientConfig({ ...at, truststore: jks }, config),
      /Java keystore.*keytool -exportcert/,
    );
    await assert.rejects(
      clientConfig({ ...at, keystore: jks }, config),
      /Java keystore.*keytool -importkeystore/,
    );
    const other = await fileOf(t, 'x', 'text');
    await assert.rejects(clientConfig({ ...at, truststore: other }, config), /must be PEM/);
    await assert.rejects(clientConfig({ ...at, truststore: '/nowhere/ca.pem' }, config), {
      code: 'INPUT_NOT_FOUND',
    });
    await assert.rejects(clientConfig({ ...at, truststore: '/etc/passwd' }, { ...config, roots: ['/tmp'] }), {
      code: 'PATH_FORBIDDEN',
    });
  });
});

async function connect(t: TestContext, settings: ConnectionSettings): Promise<void> {
  const client = await connectKafka(settings, config);
  atEnd(t, () => client.close());
}

async function fileOf(t: TestContext, name: string, content: string | Buffer): Promise<string> {
  const path = join(await temporaryFolder(t), name);
  await writeFile(path, content);
  return path;
}
