/** Starts any server by its name, and tells what points programs to it: for whoever tries things out by hand. */
import { startBigQuery } from './bigquery.ts';
import { startDocker } from './docker.ts';
import { startGcs } from './gcs.ts';
import { startKafka } from './kafka.ts';
import { startMysql } from './mysql.ts';
import { startOpenSearch } from './opensearch.ts';
import { startPostgres } from './postgres.ts';
import { startPubsub } from './pubsub.ts';
import { startS3 } from './s3.ts';
import { startSchemaRegistry } from './schema-registry.ts';
import type { Lifetime, Service } from './service.ts';

interface Started {
  service: Service;
  environment: Record<string, string>;
}

const starterOf =
  <S extends Service>(
    start: (t: Lifetime) => Promise<S>,
    environmentOf: (service: S) => Record<string, string>,
  ) =>
  async (t: Lifetime): Promise<Started> => {
    const service = await start(t);
    return { service, environment: environmentOf(service) };
  };

export const starters = {
  kafka: starterOf(startKafka, ({ address }) => ({ KAFKA_BOOTSTRAP_SERVERS: address })),
  opensearch: starterOf(startOpenSearch, ({ url }) => ({ OPENSEARCH_URL: url })),
  postgres: starterOf(startPostgres, ({ url }) => ({ POSTGRES_URL: url })),
  mysql: starterOf(startMysql, ({ url }) => ({ MYSQL_URL: url })),
  docker: starterOf(startDocker, ({ host }) => ({ DOCKER_HOST: host })),
  pubsub: starterOf(startPubsub, ({ address }) => ({ PUBSUB_EMULATOR_HOST: address })),
  s3: starterOf(startS3, ({ url }) => ({
    AWS_ENDPOINT_URL_S3: url,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  })),
  'schema-registry': starterOf(startSchemaRegistry, ({ url }) => ({ SCHEMA_REGISTRY_URL: url })),
  gcs: starterOf(startGcs, ({ url }) => ({ STORAGE_EMULATOR_HOST: url })),
  bigquery: starterOf(startBigQuery, ({ url, grpcAddress }) => ({
    BIGQUERY_EMULATOR_HOST: url,
    BIGQUERY_STORAGE_GRPC_ENDPOINT: grpcAddress,
  })),
};
