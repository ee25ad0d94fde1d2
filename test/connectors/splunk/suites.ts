/** What writes to an event collector keeps the contract of a sink. */
import { writeToSplunk } from '../../../src/connectors/splunk/index.ts';
import type { SinkSuite } from '../../conformance/sink.ts';
import { HEC_TOKEN, startCollector } from '../../services/hec.ts';
import { shared } from '../../services/service.ts';

let made = 0;
const collector = shared(startCollector);

export const sink: SinkSuite = {
  component: writeToSplunk,
  network: collector,
  delivery: 'twice',
  many: 30_000,
  async make(_t, proxy) {
    const { events } = await collector();
    const sourcetype = `suite-${++made}`;
    return {
      config: { url: `http://${proxy.address}`, token: HEC_TOKEN, sourcetype },
      read: async () =>
        events()
          .filter(each => each.sourcetype === sourcetype)
          .map(({ event }) => (event as { id: number }).id),
    };
  },
  bad: { element: '{"id":7,"_metadata":{"index":"forbidden"}}', message: /Incorrect index/ },
  refusals: {
    'a token that Splunk does not take': {
      config: () => ({ token: 'wrong' }),
      code: 'AUTHENTICATION_FAILED',
      message: /does not accept the token/,
    },
    'what is no URL': {
      config: () => ({ url: 'nowhere' }),
      code: 'PARAMETERS_INVALID',
      message: /nowhere/,
    },
  },
};
