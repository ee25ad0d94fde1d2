/** How a program of somebody else's is called: its parameters as arguments, its secrets as files. */
import { kindOf } from '../catalog/kinds/index.ts';
import type { Template } from '../catalog/template.ts';
import { isObject } from '../cloud/objects/locate.ts';
import { localPath } from '../cloud/storage.ts';
import type { Config } from '../config.ts';
import type { Json } from '../engine/component.ts';
import type { ProgramCall } from '../worker/job-file.ts';

/** Where a program finds its secrets, a file each. */
const SECRETS = '/run/secrets';

/** @param parameters as they were checked, with references in place of secrets */
export function programCall(
  { parameters: { properties } }: Template,
  parameters: Readonly<Record<string, Json>>,
  config: Config,
): ProgramCall {
  const call: ProgramCall = { arguments: [], secrets: {} };
  for (const [name, value] of Object.entries(parameters)) {
    const schema = properties[name];
    const { secret = false, isPath = false } = schema ? kindOf(schema) : {};
    const given = typeof value === 'object' ? JSON.stringify(value) : String(value);
    if (secret) call.secrets[name] = given;
    call.arguments.push(
      `--${name}=${secret ? `${SECRETS}/${name}` : isPath ? placeOf(given, config) : given}`,
    );
  }
  return call;
}

/** A path of the local cloud is a folder of this machine, and lies at the same place in the container. */
function placeOf(path: string, config: Config): string {
  return path.startsWith('gs://') && !isObject(path, config) ? localPath(path, config) : path;
}
