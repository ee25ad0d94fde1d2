/** What reads and writes databases keeps the contracts of sources and sinks. */
import {
  readFromMySql,
  readFromPostgres,
  writeToMySql,
  writeToPostgres,
} from '../../../src/connectors/sql/index.ts';
import type { SinkSuite } from '../../conformance/sink.ts';
import type { SourceSuite } from '../../conformance/source.ts';
import { missing } from '../../services/index.ts';
import { startMysql } from '../../services/mysql.ts';
import { startPostgres } from '../../services/postgres.ts';
import { shared } from '../../services/service.ts';
import { inMysql, inPostgres, newTable } from './servers.ts';

const postgres = shared(startPostgres);
const mysql = shared(startMysql);

const databases = {
  postgres: {
    name: 'postgres',
    scheme: 'postgresql',
    read: readFromPostgres,
    write: writeToPostgres,
    server: postgres,
    database: 'postgres',
    run: async (sql: string) => inPostgres(await postgres(), sql),
  },
  mysql: {
    name: 'mysql',
    scheme: 'mysql',
    read: readFromMySql,
    write: writeToMySql,
    server: mysql,
    database: 'data',
    run: async (sql: string) => inMysql(await mysql(), sql),
  },
} as const;

type Database = (typeof databases)[keyof typeof databases];

export const suites = { postgres: suitesOf(databases.postgres), mysql: suitesOf(databases.mysql) };

function suitesOf({ name, scheme, read, write, server, database, run }: Database): {
  source: SourceSuite;
  sink: SinkSuite;
} {
  const skip = missing(name);
  const settingsFor = async (proxy: { address: string }, table: string) => ({
    url: `jdbc:${scheme}://${proxy.address}/${database}`,
    username: (await server()).username,
    password: (await server()).password,
    table,
  });
  const refusals = {
    'a password that the server does not take': {
      config: () => ({ password: 'wrong' }),
      code: 'AUTHENTICATION_FAILED',
      message: /127\.0\.0\.1/,
    },
    'a table that is not there': {
      config: () => ({ table: 'nowhere' }),
      code: 'SQL_REFUSED',
      message: /nowhere/,
    },
    'a URL of another kind': {
      config: () => ({ url: 'jdbc:oracle://127.0.0.1/x' }),
      code: 'PARAMETERS_INVALID',
      message: /oracle/,
    },
  } as const;

  const source: SourceSuite = {
    component: read,
    skip,
    bounded: true,
    staged: true,
    network: server,
    async make(_t, proxy) {
      const table = newTable();
      await run(`CREATE TABLE ${table} (line text)`);
      return {
        config: await settingsFor(proxy, table),
        async fill(texts) {
          for (let i = 0; i < texts.length; i += 1000) {
            const values = texts.slice(i, i + 1000).map(text => `('${text}')`);
            await run(`INSERT INTO ${table} VALUES ${values.join()}`);
          }
        },
      };
    },
    textOf: row => JSON.parse(row).line,
    refusals,
  };

  const sink: SinkSuite = {
    component: write,
    skip,
    network: server,
    async make(_t, proxy) {
      const table = newTable();
      await run(`CREATE TABLE ${table} (id integer, name varchar(100))`);
      return {
        config: await settingsFor(proxy, table),
        read: async () => (await run(`SELECT id FROM ${table}`)).map(({ id }) => Number(id)),
      };
    },
    bad: { element: '{"id":"many","name":"x"}', message: /many/ },
    refusals: {
      ...refusals,
      'a table that is not there': {
        config: () => ({ table: 'nowhere' }),
        code: 'TABLE_NOT_FOUND',
        message: /nowhere/,
      },
    },
  };
  return { source, sink };
}
