import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readAnnouncement } from '../../../src/cloud/pubsub/announcement.ts';
import { pubsubDirectory } from '../../../src/config.ts';
import { connectPubsub } from '../../../src/connectors/pubsub/client.ts';
import { createSubscription, createTopic } from '../../../src/connectors/pubsub/resources.ts';
import { inContainers } from '../../../src/launch/container.ts';
import { containerRequest } from '../../../src/launch/container-request.ts';
import { prepareJob } from '../../../src/launch/prepare.ts';
import { newRecord } from '../../../src/launch/record.ts';
import { updateJob } from '../../../src/service/update.ts';
import { isAlive } from '../../../src/worker/job-file.ts';
import { assertExactlyOnce, expectedElements, recordOf, UDF } from '../../faults/records.ts';
import { atEnd } from '../../helpers/at-end.ts';
import { eventually } from '../../jobs/service-jobs.ts';
import { startDocker } from '../../services/docker.ts';
import { missing } from '../../services/index.ts';
import { shared } from '../../services/service.ts';
import { type Containers, openContainers } from './containers.ts';

const skip = missing('docker');
const engine = shared(startDocker);
const topic = 'projects/local/topics/records';
const inputSubscription = 'projects/local/subscriptions/records';
const templateId = 'Cloud_PubSub_to_GCS_Text';
const RECORDS = 2000;

async function openStream(t: TestContext) {
  const all = await openContainers(t, await engine());
  const connection = await connectPubsub(all.config);
  atEnd(t, async () => {
    await connection.close();
    // It would end by itself, but only after its folder has gone.
    const service = readAnnouncement(pubsubDirectory(all.config));
    if (service && isAlive(service.pid)) process.kill(service.pid);
  });
  await createTopic(connection, topic);
  await createSubscription(connection, inputSubscription, topic);
  await writeFile(join(all.folder, 'udf.js'), UDF);
  const parameters = {
    inputSubscription,
    outputDirectory: join(all.folder, 'out'),
    windowDuration: '1s',
    javascriptTextTransformGcsPath: join(all.folder, 'udf.js'),
    javascriptTextTransformFunctionName: 'check',
  };
  /** Publishes the records from one number to another. */
  const publish = async (from: number, to: number) => {
    for (let id = from; id < to; id += 500) {
      const messages = Array.from({ length: Math.min(500, to - id) }, (_, i) => ({
        data: Buffer.from(recordOf(id + i)),
      }));
      await connection.call(({ publisher }, options) => publisher.publish({ topic, messages }, options));
    }
  };
  return { ...all, all, parameters, publish };
}

const read = ({ store }: Containers, id: string): number => {
  const counters = store.progress.get(id)?.counters ?? {};
  return Object.entries(counters).find(([stage]) => stage.endsWith('Read'))?.[1].out ?? 0;
};

test('a stream without a network reads the embedded Pub/Sub, and drains', { skip }, async t => {
  const { all, parameters, publish, launch, until, supervisor, folder, docker } = await openStream(t);
  const { id, container } = await launch({ templateId, parameters });
  assert.equal(container?.network, 'none');
  await publish(0, RECORDS / 2);
  await eventually(() => read(all, id) >= RECORDS / 2);
  // The service ends, and the container cannot start it again.
  const before = readAnnouncement(pubsubDirectory(all.config))?.pid ?? 0;
  process.kill(before, 'SIGKILL');
  await publish(RECORDS / 2, RECORDS);
  const [running] = await all.containersOf(id);
  await docker.getContainer(running?.Id ?? '').kill();
  await eventually(() => all.store.jobs.require(id).restarts === 1);
  await eventually(() => read(all, id) >= RECORDS);
  await supervisor.stop(id, 'DRAINED');
  const { result, state } = await until(id, 'DRAINED', 'FAILED');
  assert.equal(state, 'DRAINED', JSON.stringify(result?.error));
  assert.deepEqual(result?.elements, expectedElements(RECORDS));
  assertExactlyOnce(RECORDS, join(folder, 'out/output*'), join(folder, 'out/errors/*'));
  await all.assertNothingLeft();
});

test('a stream is cancelled at once', { skip }, async t => {
  const { all, parameters, launch, until, supervisor } = await openStream(t);
  const { id } = await launch({ templateId, parameters });
  await until(id, 'RUNNING');
  await supervisor.stop(id, 'CANCELLED');
  const { state } = await until(id, 'CANCELLED', 'FAILED');
  assert.equal(state, 'CANCELLED');
  await all.assertNothingLeft();
});

test('a stream in a container hands over to one in another container, and nothing is lost', {
  skip,
}, async t => {
  const { all, parameters, publish, launch, until, supervisor, folder } = await openStream(t);
  const { config, store } = all;
  const first = await launch({ templateId, parameters });
  await publish(0, RECORDS / 2);
  await eventually(() => read(all, first.id) >= RECORDS / 2);
  const prepared = await inContainers(config, await prepareJob(config, { templateId, parameters }), {
    request: containerRequest({}),
  });
  const record = newRecord(prepared, { launchedBy: 'test', owner: 'service', name: first.name });
  const second = await updateJob({ config, store, supervisor }, prepared, record);
  await until(first.id, 'UPDATED');
  await publish(RECORDS / 2, RECORDS);
  await eventually(() => read(all, second.id) >= RECORDS / 2);
  await supervisor.stop(second.id, 'DRAINED');
  const { state } = await until(second.id, 'DRAINED', 'FAILED');
  assert.equal(state, 'DRAINED');
  assertExactlyOnce(RECORDS, join(folder, 'out/output*'), join(folder, 'out/errors/*'));
  await all.assertNothingLeft();
});
