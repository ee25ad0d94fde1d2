import { describeSink } from '../../conformance/sink.ts';
import { describeSource } from '../../conformance/source.ts';
import { gcs } from './bucket-suites.ts';

describeSource(gcs.source);
describeSink(gcs.sink);
