import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Client, credentials, loadPackageDefinition, Metadata, type ServiceError } from '@grpc/grpc-js';
import { tokensIn } from '../../../src/access/tokens.ts';
import { loadProtocol, PACKAGE, type Protocol } from '../../../src/api/grpc/protocol.ts';
import { atEnd } from '../../helpers/at-end.ts';
import { startServer, type TestServer, type TestServerOptions } from '../../helpers/server.ts';

// biome-ignore lint/suspicious/noExplicitAny: messages are looked into
type Message = any;

interface Caller extends TestServer {
  protocol: Protocol;
  /** Calls a method, and gives its answer. */
  call(service: string, method: string, request: object, metadata?: Metadata): Promise<Message>;
  /** Calls a method that is refused. */
  refusal(service: string, method: string, request: object, metadata?: Metadata): Promise<ServiceError>;
}

async function serveGrpc(t: TestContext, options: TestServerOptions = {}): Promise<Caller> {
  const server = await startServer(t, { grpcPort: 0, ...options });
  const protocol = await loadProtocol();
  const call: Caller['call'] = (service, method, request, metadata = new Metadata()) => {
    const definition = protocol.services.get(service);
    assert.ok(definition, service);
    const made: Message = loadPackageDefinition({ [service]: definition })[service];
    const client: Client = new made(`127.0.0.1:${server.grpcPort}`, credentials.createInsecure());
    atEnd(t, () => client.close());
    return new Promise((resolve, reject) =>
      Reflect.get(client, method).call(client, request, metadata, (error: Error | null, answer: object) =>
        error ? reject(error) : resolve(answer),
      ),
    );
  };
  const refusal: Caller['refusal'] = async (...args) => {
    try {
      await call(...args);
    } catch (error) {
      return error as ServiceError;
    }
    return assert.fail('it was not refused');
  };
  return { ...server, protocol, call, refusal };
}

const place = { projectId: 'my-proj', location: 'us-central1' };
const launchParameter = {
  jobName: 'a-job',
  containerSpecGcsPath: 'gs://dataflow-templates/latest/flex/GCS_Text_to_GCS_Text',
  parameters: { inputFilePattern: 'gs://bucket/*', outputDirectory: 'gs://bucket/out' },
  environment: { ipConfiguration: 2, additionalUserLabels: { team: 'one' } },
};

test('a call over gRPC is the same as over REST', async t => {
  const server = await serveGrpc(t);
  const { job } = await server.call('FlexTemplatesService', 'LaunchFlexTemplate', {
    ...place,
    launchParameter,
  });
  const path = `/v1b3/projects/my-proj/locations/us-central1/jobs/${job.id}?view=JOB_VIEW_ALL`;
  const { body } = await server.get(path);
  const got = await server.call('JobsV1Beta3', 'GetJob', { ...place, jobId: job.id, view: 'JOB_VIEW_ALL' });
  assert.equal(got.currentState, body.currentState);
  assert.deepEqual(got.labels, body.labels);
  assert.equal(
    Number(got.createTime.seconds) * 1000 + (got.createTime.nanos ?? 0) / 1e6,
    Date.parse(body.createTime),
  );
  assert.equal(got.environment.workerPools[0].ipConfiguration, 'WORKER_IP_PRIVATE');
  const { options } = got.environment.sdkPipelineOptions.fields;
  assert.equal(options.structValue.fields.inputFilePattern.stringValue, 'gs://bucket/*');
  assert.equal(options.structValue.fields.numWorkers.numberValue, 1);
  assert.equal(got.steps.length, body.steps.length);
  assert.equal(got.steps[0].properties.fields.user_name.stringValue, body.steps[0].properties.user_name);
});

test('a mask, times and nested fields of requests are understood', async t => {
  const server = await serveGrpc(t);
  const dynamic = await server.call('TemplatesService', 'LaunchTemplate', {
    ...place,
    dynamicTemplate: { gcsPath: 'GCS_Text_to_GCS_Text', stagingLocation: 'gs://bucket/staging' },
    launchParameters: { jobName: 'b-job', parameters: launchParameter.parameters },
  });
  const jobId = dynamic.job.id;
  const updated = await server.call('JobsV1Beta3', 'UpdateJob', {
    ...place,
    jobId,
    updateMask: { paths: ['runtime_updatable_params.max_num_workers'] },
    job: { runtimeUpdatableParams: { maxNumWorkers: 4, minNumWorkers: 2 } },
  });
  assert.equal(updated.runtimeUpdatableParams.maxNumWorkers, 4);
  assert.equal(updated.runtimeUpdatableParams.minNumWorkers, undefined);
  server.service.store.messages.add(
    [1000, 2500, 4000].map(time => ({ jobId, time, severity: 'INFO', text: `at ${time}` })),
  );
  const { jobMessages } = await server.call('MessagesV1Beta3', 'ListJobMessages', {
    ...place,
    jobId,
    startTime: { seconds: 2, nanos: 500_000_000 },
    endTime: { seconds: 4 },
    minimumImportance: 'JOB_MESSAGE_BASIC',
  });
  assert.deepEqual(
    jobMessages.map((each: Message) => [each.messageText, Number(each.time.seconds), each.time.nanos]),
    [['at 2500', 2, 500_000_000]],
  );
});

test('a refusal has its code, its message, and details that can be unpacked', async t => {
  const server = await serveGrpc(t);
  const { code, details, metadata } = await server.refusal('FlexTemplatesService', 'LaunchFlexTemplate', {
    ...place,
    launchParameter: {
      ...launchParameter,
      parameters: { nonsense: '1', outputDirectory: 'gs://bucket/out' },
    },
  });
  assert.equal(code, 3);
  assert.match(details, /^The template parameters are invalid\. Details: \nnonsense: /);
  const read = (type: string, bytes: Buffer): Message => server.protocol.message(type)?.deserialize(bytes);
  const status = read('google.rpc.Status', metadata.get('grpc-status-details-bin')[0] as Buffer);
  assert.equal(status.code, 3);
  const unpacked = status.details.map((each: Message) => {
    const type = each.type_url.replace('type.googleapis.com/', '');
    return [type, read(type, each.value)];
  });
  assert.deepEqual(
    unpacked.map(([type]: [string]) => type),
    [`${PACKAGE}.InvalidTemplateParameters`, 'google.rpc.BadRequest', 'google.rpc.ErrorInfo'],
  );
  const [[, native], [, bad], [, reason]] = unpacked;
  assert.deepEqual(
    native.parameterViolations.map((each: Message) => each.parameter),
    ['nonsense', 'inputFilePattern'],
  );
  assert.equal(bad.fieldViolations[0].field, 'nonsense');
  assert.equal(reason.reason, 'PARAMETERS_INVALID');
});

test('every method of the protocol is answered, be it by a refusal', async t => {
  const server = await serveGrpc(t);
  for (const service of [
    'TemplatesService',
    'FlexTemplatesService',
    'JobsV1Beta3',
    'MessagesV1Beta3',
    'MetricsV1Beta3',
    'SnapshotsV1Beta3',
  ])
    for (const method of Object.keys(server.protocol.services.get(service) ?? {})) {
      const request = { ...place, jobId: '2026-01-01_00_00_00-1', stageId: 'F1', snapshotId: 's' };
      const answer = await server.call(service, method, request).then(
        () => 'answered',
        ({ code, details }: ServiceError) => {
          assert.notEqual(code, 2, `${method}: ${details}`);
          assert.notEqual(code, 13, `${method}: ${details}`);
          return code;
        },
      );
      const unserved = /Snapshot|^CreateJob$/.test(method);
      assert.equal(answer === 12, unserved, `${method}: ${answer}`);
    }
});

test('a server that asks for tokens asks for them here too, and heeds their roles', async t => {
  const made: Record<string, string> = {};
  const server = await serveGrpc(t, {
    prepare: service => {
      for (const role of ['viewer', 'operator'] as const)
        made[role] = tokensIn(service.store).create(role, role);
    },
  });
  const withToken = (token = '') => {
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${token}`);
    return metadata;
  };
  const launch = ['FlexTemplatesService', 'LaunchFlexTemplate', { ...place, launchParameter }] as const;
  const list = ['JobsV1Beta3', 'ListJobs', place] as const;
  assert.equal((await server.refusal(...list)).code, 16);
  assert.equal((await server.refusal(...list, withToken('slc_wrong'))).code, 16);
  assert.equal((await server.refusal(...launch, withToken(made.viewer))).code, 7);
  assert.deepEqual(await server.call(...list, withToken(made.viewer)), {});
  const { job } = await server.call(...launch, withToken(made.operator));
  assert.equal(server.service.store.jobs.require(job.id).launchedBy, 'operator');
  for (const line of server.log)
    for (const token of Object.values(made)) assert.ok(!JSON.stringify(line).includes(token));
});

test('requests that are too large, or hold times that are none, are refused', async t => {
  const server = await serveGrpc(t);
  const parameters = { inputFilePattern: `gs://bucket/${'x'.repeat(2 << 20)}` };
  const large = await server.refusal('FlexTemplatesService', 'LaunchFlexTemplate', {
    ...place,
    launchParameter: { ...launchParameter, parameters },
  });
  assert.equal(large.code, 8);
  const { job } = await server.call('FlexTemplatesService', 'LaunchFlexTemplate', {
    ...place,
    launchParameter,
  });
  const time = await server.refusal('MessagesV1Beta3', 'ListJobMessages', {
    ...place,
    jobId: job.id,
    startTime: { seconds: '9223372036854775807' },
  });
  assert.equal(time.code, 3);
  const nobody = await server.refusal('JobsV1Beta3', 'ListJobs', {});
  assert.equal(nobody.code, 3);
});

test('a project has active jobs until they have ended', async t => {
  const server = await serveGrpc(t);
  const ask = async () =>
    (await server.call('JobsV1Beta3', 'CheckActiveJobs', { projectId: 'my-proj' })).activeJobsExist ?? false;
  assert.equal(await ask(), false);
  const { job } = await server.call('FlexTemplatesService', 'LaunchFlexTemplate', {
    ...place,
    launchParameter,
  });
  assert.equal(await ask(), true);
  server.service.store.jobs.move(job.id, 'CANCELLED');
  assert.equal(await ask(), false);
});

test('a port that is in use is refused', async t => {
  const server = await serveGrpc(t);
  await assert.rejects(startServer(t, { grpcPort: server.grpcPort }), { code: 'ADDRESS_IN_USE' });
});
