/** What reads and writes BigQuery's tables keeps the contracts of sources and sinks. */
import { readFromBigQuery, writeToBigQuery } from '../../../src/connectors/bigquery/index.ts';
import type { SinkComponent, SourceComponent } from '../../../src/engine/component.ts';
import type { SinkSuite } from '../../conformance/sink.ts';
import type { SourceSuite } from '../../conformance/source.ts';
import { startBigQuery } from '../../services/bigquery.ts';
import { missing } from '../../services/index.ts';
import { shared } from '../../services/service.ts';
import { ask, environmentOf, insert, makeTable, newTable } from './cloud.ts';

const skip = missing('bigquery');
const server = shared(startBigQuery);
const NOWHERE = 'data.nowhere';

export const source: SourceSuite = {
  component: readFromBigQuery as SourceComponent,
  skip,
  network: server,
  bounded: true,
  many: 20_000,
  textOf: element => JSON.parse(element).line,
  async make(_t, proxy) {
    const place = await server();
    const table = newTable(place);
    await makeTable(place, table, [{ name: 'line', type: 'STRING' }]);
    return {
      config: { table },
      env: environmentOf({ ...place, url: `http://${proxy.address}` }),
      fill: texts =>
        insert(
          place,
          table,
          texts.map(line => ({ line })),
        ),
    };
  },
  refusals: {
    'a table that is not there': {
      config: () => ({ table: NOWHERE }),
      code: 'TABLE_NOT_FOUND',
      message: /there is no table test:data\.nowhere/,
    },
    'a query that makes no sense': {
      config: () => ({ table: undefined, query: 'SELEC 1' }),
      code: 'QUERY_INVALID',
      message: /BigQuery cannot run the query: .*SELEC/,
    },
  },
};

export const sink: SinkSuite = {
  component: writeToBigQuery as SinkComponent,
  skip,
  network: server,
  closes: true,
  bad: { element: '{"id": "many"}', message: /id takes INTEGER, not the text "many"/ },
  async make(_t, proxy) {
    const place = await server();
    const table = newTable(place);
    const schema = [
      { name: 'id', type: 'INTEGER' },
      { name: 'name', type: 'STRING' },
    ];
    await makeTable(place, table, schema);
    return {
      config: { table, schema },
      env: environmentOf({ ...place, url: `http://${proxy.address}` }),
      read: async () => (await ask(place, `SELECT id FROM ${table}`)).flat().map(Number),
    };
  },
  refusals: {
    'a dataset that is not there': {
      config: () => ({ table: 'nowhere.t' }),
      code: 'TABLE_NOT_FOUND',
      message: /the project test has no dataset nowhere/,
    },
    'a table that must not be made': {
      config: () => ({ table: NOWHERE, create_disposition: 'CREATE_NEVER' }),
      code: 'TABLE_NOT_FOUND',
      message: /CREATE_NEVER/,
    },
  },
};
