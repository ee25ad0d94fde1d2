import { describeSink } from '../../conformance/sink.ts';
import { describeSource } from '../../conformance/source.ts';
import { sink, source } from './suites.ts';

describeSource(source);
describeSink(sink);
