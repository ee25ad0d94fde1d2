/** Whether the server lives, and whether it can take jobs. */
import { statfs } from 'node:fs/promises';
import { SluiceError } from '../../errors.ts';
import type { Service } from '../../service/service.ts';
import { defineOperation } from '../operation.ts';

const MIN_FREE_BYTES = 100 << 20;

const status = {
  type: 'object',
  required: ['status'],
  properties: { status: { const: 'ok' } },
} as const;

export const getHealth = defineOperation({
  id: 'getHealth',
  tag: 'Server',
  summary: 'Whether the server is alive',
  method: 'get',
  path: '/healthz',
  role: 'none',
  response: status,
  handle: () => ({ status: 'ok' }),
});

export const getReadiness = defineOperation({
  id: 'getReadiness',
  tag: 'Server',
  summary: 'Whether the server can take jobs',
  description:
    'Asks whether the store can be written and whether the disk has room; 503 tells what is wrong.',
  method: 'get',
  path: '/readyz',
  role: 'none',
  response: {
    ...status,
    properties: {
      ...status.properties,
      jobs: {
        type: 'object',
        properties: { queued: { type: 'integer' }, running: { type: 'integer' } },
      },
    },
  },
  handle: async (_, service) => {
    requireWritable(service);
    await requireRoom(service);
    return { status: 'ok', jobs: service.supervisor.load() };
  },
});

function requireWritable({ store, log }: Service): void {
  try {
    store.transaction(() => store.database.exec('PRAGMA user_version'));
  } catch (error) {
    log.error({ err: error }, 'the store cannot be written');
    throw new SluiceError('NOT_READY', 'The store cannot be written: the log has the reason.', {
      cause: error,
    });
  }
}

async function requireRoom({ config }: Service): Promise<void> {
  const { bavail, bsize } = await statfs(config.home);
  if (bavail * bsize < MIN_FREE_BYTES)
    throw new SluiceError(
      'NOT_READY',
      `The disk of SLUICE_HOME has less than ${MIN_FREE_BYTES >> 20} MB left.`,
    );
}
