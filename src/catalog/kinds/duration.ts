/** A span of time longer than zero. */
import { parseDuration } from '../../engine/time.ts';
import type { Kind } from './kind.ts';

export const duration: Kind = {
  name: 'duration',
  help: 'A span of time: `30s`, `5m`, `1h30m`.',
  expected: () => 'a duration longer than zero, like 30s, 5m or 1h30m',
  parse(given) {
    const milliseconds = parseDuration(given);
    return milliseconds !== undefined && milliseconds > 0 ? given.trim() : undefined;
  },
  widget: 'duration',
  paramType: 'TEXT',
};
