import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../helpers/temporary.ts';
import { missing } from '../../services/index.ts';
import { startMysql } from '../../services/mysql.ts';
import { startPostgres } from '../../services/postgres.ts';
import { openSource, readAll } from './servers.ts';

test('PostgreSQL over TLS: tried first, and checked as asked', { skip: missing('postgres') }, async t => {
  const { address, username, password, ca } = await startPostgres(t, { tls: true });
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'ca.pem'), ca);
  const query = 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()';
  const url = `jdbc:postgresql://${address}/postgres`;
  const read = async (properties: string) => {
    const config = { url, username, password, query, connection_properties: properties };
    const source = await openSource(folder, config, { stage: properties.replaceAll('/', '') || 'plain' });
    const rows = await readAll(source);
    await source.close(true);
    return rows[0]?.ssl;
  };
  assert.equal(await read(''), true);
  assert.equal(await read('sslmode=disable'), false);
  assert.equal(await read('sslmode=require'), true);
  assert.equal(await read(`sslmode=verify-ca;sslrootcert=${join(folder, 'ca.pem')}`), true);
  await assert.rejects(read('sslmode=verify-full'), {
    code: 'AUTHENTICATION_FAILED',
    message: /certificate/,
  });
  await assert.rejects(read('ssl=true'), { code: 'AUTHENTICATION_FAILED' });
  await assert.rejects(read('sslmode=maybe'), { code: 'PARAMETERS_INVALID', message: /sslmode is maybe/ });
  await assert.rejects(read('sslrootcert=/none'), { code: 'INPUT_NOT_FOUND' });
});

test('MariaDB over TLS: tried first, and checked as asked', { skip: missing('mysql') }, async t => {
  const { address, username, password, database, ca } = await startMysql(t, { tls: true });
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'ca.pem'), ca);
  const query =
    "SELECT variable_value AS cipher FROM information_schema.session_status WHERE variable_name = 'SSL_CIPHER'";
  const read = async (properties: string) => {
    const config = {
      url: `jdbc:mariadb://${address}/${database}`,
      username,
      password,
      query,
      connection_properties: properties,
    };
    const source = await openSource(folder, config, { stage: properties.replaceAll('/', '') || 'plain' });
    const rows = await readAll(source);
    await source.close(true);
    return rows[0]?.cipher !== '';
  };
  assert.equal(await read(''), true);
  assert.equal(await read('sslMode=DISABLED'), false);
  assert.equal(await read('useSSL=false'), false);
  assert.equal(await read(`sslMode=verify-ca;serverSslCert=${join(folder, 'ca.pem')}`), true);
  await assert.rejects(read('sslMode=VERIFY_CA'), { code: 'AUTHENTICATION_FAILED', message: /certificate/ });
});
