/** The methods of google.pubsub.v1.Publisher. */
import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Broker } from './broker.ts';
import { page, unary } from './calls.ts';
import { MAX_REQUEST_BYTES } from './limits.ts';
import { ALL_PROJECTS, isProject } from './names.ts';
import { invalid } from './refusal.ts';
import type { TopicSettings } from './settings.ts';
import { decodePublishRequest } from './wire.ts';

export interface Paging {
  project: string;
  pageSize: number;
  pageToken: string;
}

export function publisherMethods(broker: Broker): UntypedServiceImplementation {
  return {
    CreateTopic: unary((topic: TopicSettings) => broker.createTopic(topic)),
    GetTopic: unary(({ topic }: { topic: string }) => broker.topic(topic)),
    UpdateTopic: unary(({ topic, updateMask }: { topic: TopicSettings | null; updateMask: Mask }) => {
      if (!topic) throw invalid('the request holds no topic');
      return broker.updateTopic(topic, updateMask?.paths ?? []);
    }),
    ListTopics: unary((request: Paging) => {
      const all = ofProject(broker.topics(), request.project);
      const { items: topics, nextPageToken } = page(all, topic => topic.name, request);
      return { topics, nextPageToken };
    }),
    ListTopicSubscriptions: unary((request: Paging & { topic: string }) => {
      const { items, nextPageToken } = page(broker.subscriptionsOf(request.topic), name => name, request);
      return { subscriptions: items, nextPageToken };
    }),
    DeleteTopic: unary(async ({ topic }: { topic: string }) => {
      await broker.deleteTopic(topic);
      return {};
    }),
    Publish: unary(async (bytes: Buffer) => {
      if (bytes.length > MAX_REQUEST_BYTES)
        throw invalid(`the request has ${bytes.length} bytes; at most ${MAX_REQUEST_BYTES} are taken`);
      const { topic, messages } = decoded(bytes);
      const ids = await broker.publish(topic, messages);
      return { messageIds: ids.map(String) };
    }),
  };
}

export type Mask = { paths: string[] } | null;

/** Those whose names stand in this project; `projects/-` is all of them. */
export function ofProject<T extends { name: string }>(all: readonly T[], project: string): T[] {
  if (project === ALL_PROJECTS) return [...all];
  if (!isProject(project)) throw invalid(`'${project}' is not of the form projects/PROJECT`);
  return all.filter(({ name }) => name.startsWith(`${project}/`));
}

function decoded(bytes: Buffer): ReturnType<typeof decodePublishRequest> {
  try {
    return decodePublishRequest(bytes);
  } catch (error) {
    throw error instanceof RangeError
      ? invalid(`the request is not a PublishRequest: ${error.message}`)
      : error;
  }
}
