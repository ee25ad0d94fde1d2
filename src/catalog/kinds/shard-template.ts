/** How the number of a file and its window stand in its name. */
import { fileName } from './file-name.ts';
import type { Kind } from './kind.ts';

export const shardTemplate: Kind = {
  ...fileName,
  name: 'shard-template',
  help: 'The part of a file name between prefix and suffix: `S…` is the shard, `N…` the number of shards, each padded with zeros to as many digits; `W` is the window, `P` its pane.',
  expected: () => 'a part of a file name that holds the shard as S, like W-P-SS-of-NN or -SSSSS-of-NNNNN',
  parse: (given, schema) =>
    /S/.test(given) && !given.includes('/') ? fileName.parse(given, schema) : undefined,
  takesEmpty: false,
};
