/** The official clients of the Storage API, on Google's own service or on that of an emulator. */
import type { BigQueryReadClient, managedwriter } from '@google-cloud/bigquery-storage';
import type { TableName } from '../../cloud/warehouse/names.ts';
import type { Config } from '../../config.ts';
import { SluiceError } from '../../errors.ts';

type WriterClient = managedwriter.WriterClient;

/** True where there is a Storage API: an emulator's has an address of its own. */
export const hasStorage = ({ bigqueryHost, bigqueryStorageHost }: Config): boolean =>
  bigqueryHost === undefined || bigqueryStorageHost !== undefined;

export async function makeWriter(config: Config, project: string): Promise<WriterClient> {
  const { managedwriter } = await import('@google-cloud/bigquery-storage');
  return new managedwriter.WriterClient(await optionsOf(config, project));
}

export async function makeReader(config: Config, project: string): Promise<BigQueryReadClient> {
  const { v1 } = await import('@google-cloud/bigquery-storage');
  return new v1.BigQueryReadClient(await optionsOf(config, project));
}

/** The name of a table as the Storage API writes it. */
export const tablePath = ({ project, dataset, table }: TableName): string =>
  `projects/${project}/datasets/${dataset}/tables/${table}`;

async function optionsOf({ bigqueryStorageHost: host }: Config, projectId: string) {
  if (host === undefined) return { projectId };
  const { credentials } = await import('@grpc/grpc-js');
  const [, servicePath = '', port = ''] = /^(?:\w+:\/\/)?(.*):(\d+)$/.exec(host) ?? [];
  if (port === '')
    throw new SluiceError('USAGE', `BIGQUERY_STORAGE_GRPC_ENDPOINT must be host:port, not '${host}'`);
  return {
    projectId,
    servicePath,
    port: Number(port),
    sslCreds: credentials.createInsecure(),
    // Known beforehand: the client would look for it on the network.
    clientOptions: { universeDomain: 'googleapis.com' },
    'grpc.enable_http_proxy': 0,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 2000,
  };
}
