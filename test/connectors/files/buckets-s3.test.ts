import { describeSink } from '../../conformance/sink.ts';
import { describeSource } from '../../conformance/source.ts';
import { s3 } from './bucket-suites.ts';

describeSource(s3.source);
describeSink(s3.sink);
