import { describeSink } from '../../conformance/sink.ts';
import { describeSource } from '../../conformance/source.ts';
import { suites } from './suites.ts';

for (const { source, sink } of Object.values(suites)) {
  describeSource(source);
  describeSink(sink);
}
