/** What writes to Elasticsearch keeps the contract of a sink. */
import { writeToElasticsearch } from '../../../src/connectors/elasticsearch/index.ts';
import type { SinkSuite } from '../../conformance/sink.ts';
import { searchClient } from '../../helpers/opensearch.ts';
import { missing } from '../../services/index.ts';
import { startOpenSearch } from '../../services/opensearch.ts';
import { shared } from '../../services/service.ts';

const server = shared(startOpenSearch);
let made = 0;

export const sink: SinkSuite = {
  component: writeToElasticsearch,
  skip: missing('opensearch'),
  network: server,
  delivery: 'early',
  many: 30_000,
  async make(_t, proxy) {
    const client = searchClient((await server()).url);
    const index = `conformance-${++made}`;
    const properties = { id: { type: 'integer' }, name: { type: 'keyword' } };
    const settings = { number_of_replicas: 0 };
    await client.request('PUT', `/${index}`, { mappings: { properties }, settings });
    return {
      config: { url: `http://${proxy.address}`, index },
      read: async () => (await client.documents(index)).map(({ source }) => Number(source.id)),
    };
  },
  bad: { element: '{"id":"many"}', message: /failed to parse field \[id\]/ },
  refusals: {
    'what is no URL': {
      config: () => ({ url: 'nowhere' }),
      code: 'PARAMETERS_INVALID',
      message: /nowhere/,
    },
  },
};
