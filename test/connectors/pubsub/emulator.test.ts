import { describeSink } from '../../conformance/sink.ts';
import { describeSource } from '../../conformance/source.ts';
import { emulator } from './suites.ts';

describeSource(emulator.source);
describeSink(emulator.sink);
