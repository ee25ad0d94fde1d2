import { describeSink } from '../../conformance/sink.ts';
import { sink } from './suites.ts';

describeSink(sink);
