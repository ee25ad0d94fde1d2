/** Dataflow's protocol, from the description that its own Node client brings along. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { AnyDefinition, MessageTypeDefinition, ServiceDefinition } from '@grpc/proto-loader';

export const PACKAGE = 'google.dataflow.v1beta3';

type Message = MessageTypeDefinition<object, object>;

export interface Protocol {
  /** Services by name: `JobsV1Beta3`. */
  services: ReadonlyMap<string, ServiceDefinition>;
  /** A message by its full name; undefined for one that is declared inside another. */
  message(name: string): Message | undefined;
}

const DESCRIPTION = '@google-cloud/dataflow/build/protos/protos.json';

/** What error details are made of is in no package of ours. */
const errorDetails = {
  nested: {
    google: {
      nested: {
        rpc: {
          nested: {
            BadRequest: {
              fields: { fieldViolations: { rule: 'repeated', type: 'FieldViolation', id: 1 } },
              nested: {
                FieldViolation: {
                  fields: { field: { type: 'string', id: 1 }, description: { type: 'string', id: 2 } },
                },
              },
            },
            ErrorInfo: {
              fields: {
                reason: { type: 'string', id: 1 },
                domain: { type: 'string', id: 2 },
                metadata: { keyType: 'string', type: 'string', id: 3 },
              },
            },
            RequestInfo: { fields: { requestId: { type: 'string', id: 1 } } },
          },
        },
      },
    },
  },
};

export async function loadProtocol(): Promise<Protocol> {
  const [{ fromJSON }, description] = await Promise.all([
    import('@grpc/proto-loader'),
    readFile(createRequire(import.meta.url).resolve(DESCRIPTION), 'utf8'),
  ]);
  const options = { enums: String, longs: String, defaults: false };
  const definitions: Record<string, AnyDefinition> = {
    ...fromJSON(JSON.parse(description), options),
    ...fromJSON(errorDetails, options),
  };
  const services = Object.entries(definitions).flatMap(([name, definition]) =>
    name.startsWith(`${PACKAGE}.`) && !isMessage(definition) && !('format' in definition)
      ? [[name.slice(PACKAGE.length + 1), definition] as const]
      : [],
  );
  return {
    services: new Map(services),
    message(name) {
      const definition = definitions[name];
      return definition && isMessage(definition) ? definition : undefined;
    },
  };
}

const isMessage = (definition: AnyDefinition): definition is Message =>
  definition.format === 'Protocol Buffer 3 DescriptorProto';
