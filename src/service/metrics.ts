/** What Prometheus reads: how the jobs of the service do, how its requests do, and how the process does. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Supervisor } from '../jobs/supervisor.ts';
import type { JobRecord } from '../store/record.ts';
import { activeStates, isEnded } from '../store/states.ts';
import type { Store } from '../store/store.ts';

export interface Metrics {
  noteRequest(operation: string, status: number, seconds: number): void;
  /** All of it, in the text format of Prometheus. */
  text(): Promise<string>;
  contentType: string;
}

/** Each server has its own, so that several may be in one process. */
export function openMetrics({ store, supervisor }: { store: Store; supervisor: Supervisor }): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

  const requests = new Histogram({
    name: 'sluice_request_seconds',
    help: 'How long requests to the API took.',
    labelNames: ['operation', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
    registers,
  });
  const ended = new Counter({
    name: 'sluice_jobs_ended_total',
    help: 'Jobs that came to their end since the server started.',
    labelNames: ['template', 'state'],
    registers,
  });
  const jobs = new Gauge({
    name: 'sluice_jobs',
    help: 'Jobs of the service that have not ended, by state.',
    labelNames: ['state'],
    registers,
  });
  const elements = new Gauge({
    name: 'sluice_job_elements',
    help: 'Elements of active jobs, by stage and what became of them.',
    labelNames: ['job', 'template', 'stage', 'outcome'],
    registers,
  });
  const deadLetters = new Gauge({
    name: 'sluice_job_dead_letters',
    help: 'Dead letters of active jobs, by error code.',
    labelNames: ['job', 'template', 'code'],
    registers,
  });
  const bytes = new Gauge({
    name: 'sluice_job_bytes',
    help: 'Bytes that went through the stages of active jobs.',
    labelNames: ['job', 'template', 'stage', 'direction'],
    registers,
  });
  const lag = new Gauge({
    name: 'sluice_job_watermark_lag_seconds',
    help: 'How far the watermark of an active job is behind the clock.',
    labelNames: ['job', 'template'],
    registers,
  });

  supervisor.subscribe(event => {
    if (event.type === 'state' && isEnded(event.job.state))
      ended.inc({ template: templateOf(event.job), state: event.job.state });
  });

  /** Only jobs that have not ended have figures of their own: those that have would be ever more. */
  const look = () => {
    for (const gauge of [jobs, elements, deadLetters, bytes, lag]) gauge.reset();
    for (const state of activeStates) jobs.set({ state }, 0);
    for (const record of store.jobs.active('service')) {
      jobs.inc({ state: record.state });
      lookAt(record);
    }
  };

  const lookAt = (record: JobRecord) => {
    const progress = store.progress.get(record.id);
    if (!progress) return;
    const labels = { job: record.id, template: templateOf(record) };
    if (progress.watermark !== undefined) lag.set(labels, (Date.now() - progress.watermark) / 1000);
    for (const [stage, counters] of Object.entries(progress.counters)) {
      for (const outcome of ['in', 'out', 'filtered', 'failed', 'late'] as const)
        elements.set({ ...labels, stage, outcome }, counters[outcome]);
      bytes.set({ ...labels, stage, direction: 'in' }, counters.bytesIn);
      bytes.set({ ...labels, stage, direction: 'out' }, counters.bytesOut);
      for (const [code, count] of Object.entries(counters.errors))
        deadLetters.inc({ ...labels, code }, count);
    }
  };

  return {
    noteRequest: (operation, status, seconds) =>
      requests.observe({ operation, status: String(status) }, seconds),
    text() {
      look();
      return registry.metrics();
    },
    contentType: registry.contentType,
  };
}

const templateOf = ({ templateId = 'none' }: JobRecord): string => templateId;
