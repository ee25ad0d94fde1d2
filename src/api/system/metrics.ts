import { defineOperation } from '../operation.ts';

/** The figures that Prometheus collects. */
export const getMetrics = defineOperation({
  id: 'getMetrics',
  tag: 'Server',
  summary: 'Figures of jobs, requests and the process, as Prometheus reads them',
  method: 'get',
  path: '/metrics',
  role: 'viewer',
  responseType: 'text/plain',
  response: { type: 'string' },
  handle: async (_, { metrics }) => ({ contentType: metrics.contentType, stream: [await metrics.text()] }),
});
