/** goccy's bigquery-emulator: BigQuery's REST API and its Storage API over gRPC, on SQLite. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { buildGo, type Installation, installedIn, lacking } from './installation.ts';
import { freePort, type Lifetime, type Service, serviceFolder, startProcess } from './service.ts';

const VERSION = '0.8.1';

export interface BigQuery extends Service {
  /** For `BIGQUERY_EMULATOR_HOST`, and the endpoint of REST clients. */
  url: string;
  /** `host:port` of the Storage API. */
  grpcAddress: string;
  project: string;
  dataset: string;
}

const program = () => join(installedIn(`bigquery-${VERSION}`), 'bigquery-emulator');

export const bigquery: Installation = {
  name: 'bigquery',
  what: `bigquery-emulator ${VERSION} (Go: github.com/goccy/bigquery-emulator), five minutes of building`,
  isInstalled: () => existsSync(program()),
  impossible: () => lacking('go'),
  install: () => buildGo('bigquery', 'github.com/goccy/bigquery-emulator/cmd/bigquery-emulator', program()),
};

export async function startBigQuery(t: Lifetime): Promise<BigQuery> {
  const data = await serviceFolder(t);
  const [port, grpcPort] = [await freePort(), await freePort()];
  const [project, dataset] = ['test', 'data'];
  const url = `http://127.0.0.1:${port}`;
  const service = await startProcess(t, {
    name: 'bigquery-emulator',
    port,
    command: program(),
    args: [
      ...[`--project=${project}`, `--dataset=${dataset}`, `--database=${join(data, 'data.db')}`],
      ...['--host=127.0.0.1', `--port=${port}`, `--grpc-port=${grpcPort}`],
    ],
    ready: async () => (await fetch(`${url}/bigquery/v2/projects/${project}/datasets`)).ok,
  });
  return { ...service, url, grpcAddress: `127.0.0.1:${grpcPort}`, project, dataset };
}
