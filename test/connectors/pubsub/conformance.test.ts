import { describeSink } from '../../conformance/sink.ts';
import { describeSource } from '../../conformance/source.ts';
import { elsewhere, embedded } from './suites.ts';

for (const { source, sink } of [embedded, elsewhere]) {
  describeSource(source);
  describeSink(sink);
}
