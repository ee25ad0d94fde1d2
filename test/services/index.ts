/** Every server that tests know, by its name. */
import { bigquery } from './bigquery.ts';
import { chromium } from './chromium.ts';
import { docker } from './docker.ts';
import { gcs } from './gcs.ts';
import type { Installation } from './installation.ts';
import { kafka } from './kafka.ts';
import { mysql } from './mysql.ts';
import { opensearch } from './opensearch.ts';
import { postgres } from './postgres.ts';
import { pubsub } from './pubsub.ts';
import { readers } from './readers.ts';
import { registry } from './registry.ts';
import { s3 } from './s3.ts';
import { schemaRegistry } from './schema-registry.ts';

/** What takes longest to install comes last. */
export const installations: readonly Installation[] = [
  chromium,
  kafka,
  opensearch,
  postgres,
  mysql,
  docker,
  pubsub,
  readers,
  s3,
  schemaRegistry,
  registry,
  gcs,
  bigquery,
];

/**
 * For `skip` of a test: why it is skipped when one of these servers is not installed, or false. Throws instead where
 * all servers that the machine can have are promised.
 */
export function missing(...names: string[]): string | false {
  const absent = names.filter(name => !installationOf(name).isInstalled());
  if (absent.length === 0) return false;
  const reason = `not installed: npm run services install ${absent.join(' ')}`;
  if (process.env.SLUICE_REQUIRE_SERVICES) throw new Error(reason);
  return reason;
}

export function installationOf(name: string): Installation {
  const found = installations.find(each => each.name === name);
  if (found) return found;
  throw new Error(
    `no service is called ${name}: there are ${installations.map(each => each.name).join(', ')}`,
  );
}
